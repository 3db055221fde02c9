"""The Python API: thin faces over the jobs, under the names that users of such a pipeline know.

    collector = AggregateMetricsCollector(db, time_window_days=30)
    metrics = collector.collect_all_metrics()

`db` is a SQLAlchemy Session, Engine or Connection, a path or a URL. Every face works in the governed clone that
holds the current directory, unless it is given another one.
"""

from calibgit.api.calibration import AggregateMetricsCollector, CalibrationAnalyzer, ConfigProposalGenerator
from calibgit.api.versions import VersionChange, VersionRegistry, get_version_registry

__all__ = [
    "AggregateMetricsCollector",
    "CalibrationAnalyzer",
    "ConfigProposalGenerator",
    "VersionChange",
    "VersionRegistry",
    "get_version_registry",
]
