"Every test starts from the same seeds, keeps off the network (its children too) and draws into memory; `gpu` tests need a device."
import os, sys
from pathlib import Path
import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT/'tools'))
from notebooks import SAME_SEEDS
os.environ['PYTHONPATH'] = os.pathsep.join(filter(None, [str(ROOT/'tools'/'offline'), os.environ.get('PYTHONPATH')]))
os.environ['PATH'] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
os.environ.setdefault('MPLBACKEND', 'Agg')
os.environ['IN_TEST'] = '1'

@pytest.fixture(scope='session')
def root(): return ROOT

@pytest.fixture(autouse=True)
def same_seeds():
    "A test gives the same result alone, in any order and in any selection."
    exec(SAME_SEEDS, {})
    before = dict(os.environ); yield                            # what a test sets, the next does not see
    os.environ.clear(); os.environ.update(before)

def pytest_collection_modifyitems(items):
    items[:] = [i for i in items if not hasattr(i, 'function') or i.function.__module__ == i.module.__name__]   # fastcore's test_eq is no test
    for item in items:
        if 'notebook' not in item.keywords: item.add_marker(pytest.mark.xdist_group(item.module.__name__))         # fixtures of a module are made once
        if 'notest' in item.keywords: item.add_marker(pytest.mark.skip(reason='flagged notest in its notebook'))
        if 'gpu' in item.keywords:
            import torch
            if not torch.cuda.is_available(): item.add_marker(pytest.mark.skip(reason='needs a CUDA device'))
