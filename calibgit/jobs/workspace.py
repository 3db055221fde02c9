"""What every job starts from: the repository, its settings, its registry, the config in force, a writer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from calibgit.errors import DocumentError, EnvironmentFault, GateClosed
from calibgit.jobs.active_config import ActiveConfig, known_version, replaced, work_tree_config
from calibgit.jobs.memory import Memory
from calibgit.model.config_data import read_config_data
from calibgit.model.ids import Version, choose_line, is_name
from calibgit.model.policy import PRODUCTION, Place, Policy, read_policy
from calibgit.model.state import Problem, VersionRecord
from calibgit.model.toml import read_toml
from calibgit.pin.resolve import require_root
from calibgit.registry.branch import protected_tip
from calibgit.registry.highwater import refuse_stale
from calibgit.registry.history import History
from calibgit.registry.read import read_registry
from calibgit.registry.verify import Moment, Verification
from calibgit.repo.network import Remote, find_remote
from calibgit.repo.repository import Repository

if TYPE_CHECKING:
    from calibgit.model.settings import Line, Settings
    from calibgit.registry.write import Writer
    from calibgit.repo.signing import Signer

SETTINGS_FILE = "calibgit.toml"
POLICY_FILE = "trust.toml"


class Workspace:
    """A governed clone.

    Args:
        path: any directory inside it.
        line: name of the line, or None for the only one.
        environ: the process environment, for identity and signing key.
        key: private key to sign with, or None for the configured one.
        trust_root: the registry id that this reader was given, or None.
        max_staleness: how old the log's last checkpoint may be, or None when that does not matter.
        clock: seconds since 1970, UTC.
        fetch: make the clone whole and bring it up to date first.
    """

    def __init__(
        self,
        path: Path,
        *,
        line: str | None = None,
        environ: Mapping[str, str] | None = None,
        key: Path | None = None,
        trust_root: str | None = None,
        max_staleness: timedelta | None = None,
        clock: Callable[[], float] = time.time,
        fetch: bool = False,
    ) -> None:
        self.fetched: list[Problem] = []
        if fetch:
            from calibgit.registry.refresh import repair  # noqa: PLC0415  kept off the path of readers

            cut_off = Repository.open(path, cut_off=True)
            self.fetched = repair(cut_off, find_remote(cut_off, None))
        self.repo = Repository.open(path)
        self._line = line
        self.environ = environ or {}
        self._key = key
        self.trust_root = trust_root
        self._max_staleness = max_staleness
        self._clock = clock
        self._verification: Verification | None = None

    @cached_property
    def settings_bytes(self) -> bytes:
        """Bytes of `calibgit.toml` in the work tree."""
        try:
            return (self.repo.work_tree / SETTINGS_FILE).read_bytes()
        except OSError as error:
            raise DocumentError(
                "NO_SETTINGS",
                f"there is no readable {SETTINGS_FILE} in {self.repo.work_tree}",
                why="It says which lines are governed and how the results table is mapped.",
                fix="calibgit init",
            ) from error

    @cached_property
    def settings(self) -> Settings:
        """The parsed settings."""
        from calibgit.model.settings import read_settings  # noqa: PLC0415  kept off the path of readers

        return read_settings(self.settings_bytes)

    @property
    def settings_sha256(self) -> str:
        """Digest of the line's parsed settings; comments and spaces change nothing."""
        return self.line.digest()

    @cached_property
    def line_names(self) -> tuple[str, ...]:
        """Names of the lines in `calibgit.toml`; what else it says is not looked at."""
        lines = read_toml(self.settings_bytes, SETTINGS_FILE).get("lines")
        # Where these are no names, reading all of it says what is wrong.
        return tuple(lines if isinstance(lines, dict) and lines and all(map(is_name, lines)) else self.settings.lines)

    @property
    def line_name(self) -> str:
        """Name of the line that this job is about."""
        return choose_line(self._line, self.line_names)

    @property
    def line(self) -> Line:
        """Settings of the line that this job is about."""
        return self.settings.line(self._line)[1]

    @property
    def place(self) -> Place:
        """Where the line's files lie, by the policy in force; before the seal, by the one in the work tree.

        Raises:
            GateClosed: UNPLACED_LINE.
            DocumentError: NO_POLICY.
        """
        policy = self.verification().policy or self.unsealed_policy()
        place = policy.lines.get(self.line_name)
        if place is None:
            raise GateClosed(
                "UNPLACED_LINE",
                f"{POLICY_FILE} does not say where the line {self.line_name} lies",
                why="Which files are a line's configs is under signature.",
                fix=f"add [lines.{self.line_name}] to {POLICY_FILE}",
            )
        return place

    def unsealed_policy(self) -> Policy:
        """The policy in the work tree, which nobody has signed yet.

        Raises:
            DocumentError: NO_POLICY, NOT_TOML or SCHEMA.
        """
        try:
            return read_policy((self.repo.work_tree / POLICY_FILE).read_bytes())
        except OSError as error:
            raise DocumentError(
                "NO_POLICY",
                f"there is no readable {POLICY_FILE} in {self.repo.work_tree}",
                why="It says who may sign and where each line lies.",
                fix="calibgit init, then merge its files",
            ) from error

    @cached_property
    def remote(self) -> Remote:
        """The remote that holds the registry."""
        return find_remote(self.repo, None)

    @property
    def remote_name(self) -> str:
        """Name of the remote whose branches this reader believes; `origin` when there is none."""
        try:
            return self.remote.name
        except EnvironmentFault as fault:
            if fault.code != "NO_REMOTE":
                raise
            return "origin"

    def verification(self, moment: Moment | None = None) -> Verification:
        """The verified log of this clone, read once; the network is not asked."""
        if moment is not None:
            return self._read(moment)
        if self._verification is None:
            self._verification = self._read(None)
        return self._verification

    def _read(self, moment: Moment | None) -> Verification:
        result = read_registry(self.repo, remote=self.remote_name, moment=moment, memory=self.memory.marks)
        result.warnings += self.fetched
        if self.trust_root is not None:
            require_root(result.state, self.trust_root)
        if result.ok and result.events:
            self.memory.remember(result.state.registry, result.state.seq, result.state.head_sha256)
        if self._max_staleness is not None and result.ok:
            stale = refuse_stale(result.state.checkpoint, datetime.fromtimestamp(self.now(), UTC), self._max_staleness)
            result.errors += [stale] if stale else []
        return result

    @cached_property
    def memory(self) -> Memory:
        """What this user has seen of registries before."""
        return Memory.of(self.environ)

    def writing_policy(self) -> Policy:
        """The last policy that this clone believes: enough to know what to fetch before anything is judged.

        Where the log stops here, it may go on at the remote: junk that this clone has seen may be voided there.

        Raises:
            IntegrityError: the first error of a log without any.
            GateClosed: NOT_SEALED.
        """
        verification = self.verification()
        return verification.policy or verification.require()[1]

    def refresh(self, branch_ref: str) -> None:
        """Fetch the log and the protected branch."""
        from calibgit.registry.refresh import refresh  # noqa: PLC0415  kept off the path of readers

        refresh(self.repo, self.remote, branch_ref)
        self.forget()

    def forget(self) -> None:
        """Read the log again when it is next needed."""
        self._verification = None

    def history(self, policy: Policy) -> History:
        """The protected branch as this clone has it."""
        return History(self.repo, protected_tip(self.repo, policy.branch_ref, self.remote_name))

    def writer(self) -> Writer:
        """Who writes events from here.

        Raises:
            EnvironmentFault: NO_SIGNING_KEY, NO_IDENTITY, NO_REMOTE.
        """
        from calibgit.registry.write import Writer  # noqa: PLC0415  kept off the path of readers
        from calibgit.repo.identity import user_identity  # noqa: PLC0415

        return Writer(
            repo=self.repo,
            remote=self.remote,
            signer=self.signer(),
            tagger=user_identity(self.environ),
            clock=self.now,
            memory=self.memory.marks,
        )

    def signer(self) -> Signer:
        """The user's signing key.

        Raises:
            EnvironmentFault: NO_SIGNING_KEY.
        """
        from calibgit.repo.signing import find_signing_key  # noqa: PLC0415  kept off the path of readers

        return find_signing_key(self._key, self.environ)

    def now(self) -> int:
        """Seconds since 1970, UTC."""
        return int(self._clock())

    def config(self, wanted: str | None, *, env: str = PRODUCTION) -> ActiveConfig:
        """The config to judge: `wanted` as a released version, else the one active in `env`.

        Without a registry, `wanted` may be a version in the work tree.

        Raises:
            GateClosed: NOTHING_ACTIVE, NOT_RELEASED or NOT_SEALED.
            DocumentError: see `read_config_data`.
        """
        verification = self.verification()
        if verification.policy is None and verification.ok and wanted is not None:
            return work_tree_config(self.repo, self.place, Version.parse(wanted.removeprefix("v")))
        state, policy = verification.require()
        record = known_version(state, self.line_name, wanted, env)
        return self.config_of(record, policy)

    def config_before(self, version: Version, *, env: str = PRODUCTION) -> ActiveConfig | None:
        """The config that `version` replaced in `env`, where the registry knows one."""
        verification = self.verification()
        if verification.policy is None:
            return None
        record = replaced(verification.state, version, self.line_name, env)
        return None if record is None else self.config_of(record, verification.policy)

    def config_of(self, record: VersionRecord, policy: Policy) -> ActiveConfig:
        """The signed bytes of a known version.

        Raises:
            IntegrityError: DIGEST.
        """
        data = self.history(policy).require_blob(record.commit, record.path, record.sha256, record.size)
        return ActiveConfig(record.version, data, read_config_data(data, record.path))
