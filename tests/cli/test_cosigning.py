"""Where the policy asks for two: the refusal holds the second person's command, and the first one repeats theirs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

import pytest

from calibgit.registry.authority import refuse_role
from tests.attacks.raw import plant, slot, write
from tests.cli.conftest import Command, Result
from tests.support.attesting import approve, attesting, request
from tests.support.governed import Governed, govern
from tests.support.world import World

Be = Callable[[str], None]
FIX = re.compile(r"(?P<who>[a-z0-9, ]+) may run: (?P<command>calibgit .*); then repeat the command", re.DOTALL)
ALONE = ("attest", "checkpoint", "rollback")


def asking(text: str, people: int, *, alone: tuple[str, ...] = ALONE) -> str:
    """A policy whose roles ask for so many people, but for some roles."""
    head, *roles = text.split("[roles.")
    named = [
        role if role.startswith(alone) else role.replace("threshold = 1", f"threshold = {people}") for role in roles
    ]
    return "[roles.".join([head, *named])


def merge_policy(governed: Governed, change: Callable[[str], str]) -> None:
    """Merge another trust.toml; it is not in force before a policy event."""
    world = governed.world
    world.git("reset", "--quiet", "--hard", "refs/remotes/origin/main")
    path = world.clone / "trust.toml"
    text = change(path.read_text())
    assert text != path.read_text()
    path.write_text(text)
    world.git("commit", "--quiet", "--all", "-m", "Another policy")
    world.git("push", "--quiet", "origin", "HEAD:main")
    governed.fetch()


@pytest.fixture
def unsealed(world: World) -> Governed:
    governed = govern(world, seal=False)
    merge_policy(governed, lambda text: asking(text, 2))
    return governed


class Two:
    """Two people at one clone: the first one's command is refused, and the fix is pasted by the second."""

    def __init__(self, governed: Governed, be: Be, calibgit: Command) -> None:
        self.governed, self.be, self.calibgit = governed, be, calibgit
        self.place = ["--repo", governed.world.clone]

    def first(self, *words: str, by: str = "alice") -> Result:
        self.be(by)
        return self.calibgit(*self.place, *words, "--format", "json")

    def refused(self, *words: str, by: str = "alice") -> tuple[str, list[str], str]:
        """Who may sign too, their command, and the reason of the refusal."""
        result = self.first(*words, by=by)
        assert (result.status, result.error["code"]) == (4, "THRESHOLD"), result.err
        match = FIX.fullmatch(result.error["fix"])
        assert match is not None, result.error["fix"]
        program, *command = shlex.split(match["command"])
        assert program == "calibgit"
        return match["who"], command, result.error["why"]

    def paste(self, command: list[str], by: str = "carol") -> None:
        self.be(by)
        result = self.calibgit(*self.place, *command)
        assert result.status == 0, result.err

    def journey(self, *words: str, by: str = "alice", second: str = "carol") -> list[str]:
        """The whole way; the command that was pasted."""
        _, command, _ = self.refused(*words, by=by)
        self.paste(command, by=second)
        done = self.first(*words, by=by)
        assert done.status == 0, done.err
        assert (done.data["signer"], done.data["cosigners"]) == (by, [second])
        result = self.governed.verification()
        assert (result.ok, result.people[result.state.seq]) == (True, (by, second))
        return command


@pytest.fixture
def two(unsealed: Governed, be: Be, calibgit: Command) -> Two:
    """A sealed registry in which everything but a rollback takes two, with two releases."""
    pair = Two(unsealed, be, calibgit)
    pair.journey("init", "--seal", "--adopt", "1.0.0=production", "--reason", "start")
    unsealed.merge(unsealed.propose("1.1.0"), by="alice")
    pair.journey("release", "1.1.0", by="bob")
    return pair


def test_two_people_seal(unsealed: Governed, be: Be, calibgit: Command) -> None:
    two = Two(unsealed, be, calibgit)
    words = ("init", "--seal", "--adopt", "1.0.0=production,staging", "--reason", "it's time")
    who, command, _ = two.refused(*words)
    assert who == "bob or carol"
    adopted = ["--adopt", "scoring:1.0.0=production,staging"]
    assert command == ["init", "--seal", "--cosign", *adopted, "--reason", "it's time"]
    two.paste(command, by="bob")
    done = two.first(*words)
    assert (done.data["signer"], done.data["cosigners"]) == ("alice", ["bob"])
    assert unsealed.verification().people[1] == ("alice", "bob")


def test_the_words_say_both_who_sealed_and_who_signed(unsealed: Governed, be: Be, calibgit: Command) -> None:
    two = Two(unsealed, be, calibgit)
    _, command, _ = two.refused("init", "--seal", "--adopt", "1.0.0=production")
    assert "--reason" not in command
    two.paste(command)
    be("alice")
    assert "sealed by alice and carol." in calibgit(*two.place, "init", "--seal", "--adopt", "1.0.0=production").out
    unsealed.merge(unsealed.propose("1.1.0"), by="alice")
    _, command, _ = two.refused("release", "1.1.0", by="bob")
    two.paste(command)
    be("bob")
    assert "signed by bob and carol\n" in calibgit(*two.place, "release", "1.1.0").out


def test_two_people_activate_go_back_accept_it_and_activate_again(two: Two) -> None:
    command = two.journey("activate", "1.1.0", "--reason", "both of us", by="bob")
    where = ["--env", "production", "--line", "scoring"]
    assert command == ["countersign", "1.1.0", "--for", "activate", *where, "--reason", "both of us"]
    alone = two.first("rollback", "--reason", "too strict", by="bob")
    assert (alone.status, alone.data["cosigners"]) == (0, [])
    seq = str(alone.data["event"]["seq"])
    command = two.journey("ratify", seq, "--reason", "right")
    assert command == ["countersign", "--for", "ratify", "--event", seq, "--line", "scoring", "--reason", "right"]
    again = ("activate", "1.1.0", "--again", "--reason", "mended")
    command = two.journey(*again, by="bob")
    assert command == ["countersign", "1.1.0", "--for", "activate", *where, "--again", "--reason", "mended"]
    two.journey("deprecate", "1.0.0", "--reason", "old")


def test_two_people_roll_back(two: Two) -> None:
    two.journey("activate", "1.1.0")
    merge_policy(two.governed, lambda text: asking(text, 2, alone=("attest", "checkpoint")))
    command = two.journey("policy", "--reason", "two roll back")
    assert command == ["countersign", "--for", "policy", "--reason", "two roll back"]
    command = two.journey("rollback", "--reason", "$HOME; echo `id`", by="bob")
    assert command[:5] == ["countersign", "1.0.0", "--for", "rollback", "--env"]
    assert command[-1] == "$HOME; echo `id`"


def test_two_people_reject_and_two_people_void(two: Two) -> None:
    two.governed.propose("1.2.0", good=68)
    command = two.journey("reject", "1.2.0", "--reason", "no")
    assert command == ["countersign", "1.2.0", "--for", "reject", "--line", "scoring", "--reason", "no"]
    world = two.governed.world
    plant(world.remote, {slot(4): write(world.remote, "blob", b"junk")})
    command = two.journey("void", "--reason", "somebody pushed junk")
    assert command == ["countersign", "--for", "void", "--reason", "somebody pushed junk"]


def test_a_new_person_shows_a_key_and_two_others_change_the_policy(two: Two) -> None:
    key = two.governed.world.public_key("dave")
    dave = f'[people.dave]\nkind = "human"\nkeys = ["{key}"]\nemails = ["dave@example.org"]\n\n[roles.release]'
    merge_policy(two.governed, lambda text: text.replace("[roles.release]", dave))
    two.paste(["countersign", "--for", "policy", "--reason", "dave joins"], by="dave")
    two.journey("policy", "--reason", "dave joins")


def test_two_who_only_recover_change_the_policy_together(two: Two) -> None:
    """Carol lacks the role policy; what she is short of is a second signature for the role that she holds."""
    three, pair = 'people = ["alice", "bob", "carol"]', 'people = ["alice", "bob"]'
    merge_policy(two.governed, lambda text: text.replace(f"[roles.policy]\n{three}", f"[roles.policy]\n{pair}"))
    two.journey("policy", "--reason", "carol only recovers")
    merge_policy(two.governed, lambda text: text + "\n# a remark\n")
    two.journey("policy", "--reason", "an emergency", by="carol", second="bob")


def test_an_attested_release_is_co_signed_as_one(world: World, be: Be, calibgit: Command) -> None:
    governed = attesting(world)
    merge_policy(
        governed, lambda text: asking(text, 2, alone=ALONE[1:]).replace('["robot"]', '["robot", "bob", "carol"]')
    )
    two = Two(governed, be, calibgit)
    assert two.first("policy", "--reason", "two attest").status == 0
    head = governed.propose("1.1.0")
    approve(governed, request(governed, "1.1.0", head), head, "alice")
    governed.merge(head, by="alice", signed=False)
    command = two.journey("release", "1.1.0", "--attest", by="bob")
    assert command == ["countersign", "1.1.0", "--for", "release", "--line", "scoring", "--attest"]


def test_who_signed_in_other_words_is_told(two: Two) -> None:
    two.paste(["countersign", "1.1.0", "--reason", "one thing"])
    two.paste(["countersign", "1.1.0", "--env", "staging", "--reason", "another thing"], by="alice")
    who, command, why = two.refused("activate", "1.1.0", "--reason", "another thing", by="bob")
    assert who == "alice or carol"
    assert why.endswith("carol signed for another reason: 'one thing'.")
    assert "alice signed" not in why, "she signed another act"
    two.paste(command)
    assert two.first("activate", "1.1.0", "--reason", "another thing", by="bob").data["cosigners"] == ["carol"]


def test_who_signed_before_the_policy_changed_or_the_branch_moved_is_told(two: Two) -> None:
    two.paste(["countersign", "1.1.0"])
    two.paste(["countersign", "--for", "policy", "--reason", "three people"])
    merge_policy(two.governed, lambda text: text + "\n# a remark\n")
    _, command, why = two.refused("policy", "--reason", "three people")
    assert why.endswith("carol signed when the branch stood elsewhere.")
    two.paste(command)
    assert two.first("policy", "--reason", "three people").status == 0
    assert two.refused("activate", "1.1.0", by="bob")[2].endswith("carol signed before the policy changed.")


def test_whoever_has_no_good_key_is_not_asked(two: Two) -> None:
    key = two.governed.world.public_key("carol")
    ended = f'keys = ["{key}"]\nended = [{{ key = "{key}", from_seq = 2 }}]'
    merge_policy(two.governed, lambda text: text.replace(f'keys = ["{key}"]', ended))
    two.journey("policy", "--reason", "carol left", second="bob")
    assert two.refused("activate", "1.1.0", by="bob")[0] == "alice"
    bob = two.governed.world.public_key("bob")
    merge_policy(
        two.governed,
        lambda text: text.replace(
            f'keys = ["{bob}"]', f'keys = ["{bob}"]\nended = [{{ key = "{bob}", from_seq = 2 }}]'
        ),
    )
    two.journey("policy", "--reason", "bob left", second="bob")
    result = two.first("deprecate", "1.1.0", "--reason", "old")
    assert result.error["code"] == "THRESHOLD"
    assert result.error["fix"] == "change the policy first: besides alice, nobody has a good key for this role"


def test_who_had_a_part_in_a_change_is_sent_to_somebody_who_had_none(two: Two) -> None:
    """Carol wrote it and Alice asked for it: of the two who activate it in production, one must be Bob."""
    two.governed.merge(two.governed.propose("1.2.0", initiator="alice", good=68), by="bob")
    two.journey("release", "1.2.0", by="bob")
    assert two.refused("activate", "1.2.0", by="carol")[0] == "bob"
    assert two.refused("activate", "1.2.0", "--env", "staging", by="carol")[0] == "alice or bob"


def test_who_is_listed_twice_is_asked_once(two: Two) -> None:
    everybody = 'people = ["alice", "bob", "carol"]'
    twice = 'people = ["alice", "bob", "bob", "carol"]'
    merge_policy(two.governed, lambda text: text.replace(everybody, twice))
    two.journey("policy", "--reason", "a slip of the pen")
    assert two.refused("deprecate", "1.1.0", "--reason=-old")[0] == "bob or carol"
    two.journey("deprecate", "1.1.0", "--reason=-old")


def test_several_who_are_missing_are_counted(unsealed: Governed, be: Be, calibgit: Command) -> None:
    world = unsealed.world
    keys = {name: world.public_key(name) for name in ("dave", "robot")}
    joined = "".join(f'[people.{name}]\nkind = "human"\nkeys = ["{key}"]\n\n' for name, key in keys.items())
    merge_policy(
        unsealed,
        lambda text: (
            asking(text.replace("threshold = 2", "threshold = 1"), 3)
            .replace('people = ["alice", "bob", "carol"]', 'people = ["alice", "bob", "carol", "dave"]')
            .replace("[roles.release]", joined + "[roles.release]")
        ),
    )
    two = Two(unsealed, be, calibgit)
    words = ("init", "--seal", "--adopt", "1.0.0=production")
    who, command, _ = two.refused(*words)
    assert who == "2 of bob, carol, dave"
    two.paste(command, by="dave")
    assert two.refused(*words)[:2] == ("bob or carol", command)
    two.paste(command, by="carol")
    assert two.first(*words).data["cosigners"] == ["carol", "dave"]


def test_a_reader_is_never_asked_to_sign_what_lies_in_the_log(two: Two) -> None:
    """The command is for whoever is asked by the writer; the fix of an event that a stranger pushed holds none."""
    policy = two.governed.verification().policy
    assert policy is not None
    refusal = refuse_role(policy, {"kind": "void", "seq": 4, "reason": "x"}, ("bob",), frozenset())
    assert refusal is not None
    assert "countersign" not in refusal.fix
