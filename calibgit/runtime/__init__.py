"""For services that use a pinned config: standard library only, no git, no network, no child process.

from calibgit import runtime

config = runtime.load("pinned/scoring")
verdict = config.evaluate(runtime.Assessment(category_scores={"values": 71.5}, confidence=0.8, flags={}))
log.info("scored", extra=config.as_log_fields())
"""

from calibgit.model.semantics import Assessment, Verdict
from calibgit.runtime.holder import Holder
from calibgit.runtime.load import PinnedConfig, load

__all__ = ["Assessment", "Holder", "PinnedConfig", "Verdict", "load"]
