"""One Spark session for each module that asks for it; other modules never start Java."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="module")
def session(walls: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from pyspark.sql import SparkSession  # noqa: PLC0415

    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.sql.shuffle.partitions", "1").config("spark.ui.showConsoleProgress", "false")
    builder = builder.config("spark.sql.warehouse.dir", str(tmp_path_factory.mktemp("warehouse")))
    try:
        made = builder.config("spark.sql.session.timeZone", "Asia/Tokyo").getOrCreate()
    except Exception as error:  # there is no Java
        if "CALIBGIT_REQUIRE_SPARK" in os.environ:
            raise
        pytest.skip(f"Spark does not start here: {type(error).__name__}")
    made.sparkContext.setLogLevel("OFF")
    yield made
    made.stop()
