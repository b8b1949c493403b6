"Every notebook runs from top to bottom, in a scratch folder and offline, two at a time; recipes run through papermill with their default parameters."
from concurrent.futures import ThreadPoolExecutor
import os
import pytest
import notebooks

PATHS = [p for p in notebooks.notebooks() if not notebooks.is_frozen(p)]

@pytest.fixture(scope='module')
def runs(request):
    "Result to come of each selected notebook; all start at the first that is asked for"
    wanted = {item.callspec.params['path'] for item in request.session.items if item.module is request.module}
    pool = ThreadPoolExecutor(max(2, (os.cpu_count() or 2)//2))
    yield {p: pool.submit(notebooks.child, 'test', p, offline=True) for p in sorted(wanted)}
    pool.shutdown(cancel_futures=True)

@pytest.mark.notebook
@pytest.mark.timeout(2400)
@pytest.mark.parametrize('path', PATHS, ids=[p.relative_to(notebooks.ROOT/'nbs').as_posix() for p in PATHS])
def test_runs(path, runs):
    seconds, error = runs[path].result()
    assert error is None, error
