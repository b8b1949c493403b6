"The table of speeds: every row runs, agrees with its peers where it can be compared, and is printed."
import json, subprocess, sys
import pytest

@pytest.fixture(scope='module')
def table(root, tmp_path_factory):
    file = tmp_path_factory.mktemp('bench')/'speed.json'
    done = subprocess.run([sys.executable, '-m', 'benchmarks', '--quick', '--json', str(file)], cwd=root, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads(file.read_text())

def test_every_row_runs(table):
    text, found = table
    assert {1, 2, 3, 4, 5, 22} <= {r['number'] for r in found['rows']} and found['quick']
    for r in found['rows']:
        assert r['work'] in text and r['ours']['seconds'] > 0 and r['met'] is None and {p['name'] for p in r['peers']} | set(r['missing']) >= {p for p in r['targets']}
        assert r['at_most'] or r['peers'] or r['missing']
        assert str(r['threads']) in next(l for l in text.splitlines() if r['work'] in l)

def test_ratio_and_verdict():
    "A peer that takes twice as long is 2 x; targets are judged one by one; a peer that is not there is named."
    from benchmarks.timing import Row, Work, lines, run_row, installed, unit
    import time
    slow, fast = (lambda: time.sleep(.06)), (lambda: time.sleep(.02))
    assert installed(no_such_package=slow, json=fast) == {'json': fast}
    row = run_row(Row(7, 'sleeping', lambda quick, folder: Work(fast, {'slow': slow}, ('nothing', lambda: None), {'a nap': fast}), {'slow': 50, 'absent': 2}, repeats=5))
    assert row['met'] is False and row['missing'] == ['absent'] and row['peers'][0]['ratio'] > 1 and not row['peers'][0]['met']
    text = '\n'.join(lines(row)); assert 'NO' in text and 'not installed' in text and 'a nap: ' in text and 'nothing' in text
    assert [unit(s) for s in (2.5, .0123, 4e-6)] == ['2.5 s', '12.3 ms', '4 us']

def test_unknown_row_is_refused(root):
    done = subprocess.run([sys.executable, '-m', 'benchmarks', '999'], cwd=root, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and 'no row 999; there are 1, 2, 3' in done.stderr
