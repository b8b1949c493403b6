"Every notebook runs from top to bottom, in a scratch folder and offline; recipes run through papermill with their default parameters."
import pytest
import notebooks

PATHS = [p for p in notebooks.notebooks() if not notebooks.is_frozen(p)]

@pytest.mark.notebook
@pytest.mark.timeout(2400)
@pytest.mark.parametrize('path', PATHS, ids=[p.relative_to(notebooks.ROOT/'nbs').as_posix() for p in PATHS])
def test_runs(path):
    seconds, error = notebooks.child('test', path, offline=True)
    assert error is None, error
