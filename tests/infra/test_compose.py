"""x"""

import subprocess
import pytest
from support.standing import Standing

pytestmark = pytest.mark.timeout(600)


def test_debug(standing: Standing) -> None:
    print(standing.steps["setup"].stderr, standing.steps["init"])
    print(subprocess.run(f"curl -sv --cacert {standing.ca} {standing.url}/v1/service; ls -lR {standing.data}", shell=True, capture_output=True, text=True))
    for x in ("minio","service", "proxy"): print(standing.site.log(x))
    raise AssertionError
