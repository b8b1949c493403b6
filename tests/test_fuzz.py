"A short seeded run of benchmarks/fuzz.py: a few thousand mutants of every file that is read, and whether the machinery that judges them would notice."
import os, signal, sys, time
import pytest

@pytest.fixture(scope='module')
def fuzz(root):
    sys.path.insert(0, str(root/'benchmarks'))
    try: import fuzz
    finally: sys.path.remove(str(root/'benchmarks'))
    return fuzz

def test_mutants_are_accepted_as_what_they_are_or_refused_in_one_line(fuzz):
    tallies = fuzz.fuzz(list(fuzz.KINDS), 3000, seed=1, jobs=1)
    print('\n'.join(fuzz.table(tallies)))
    assert {n: t.findings for n, t in tallies.items() if t.findings} == {}
    assert sum(t.n for t in tallies.values()) >= 2900 and all(len(t.verdicts) > 1 and t.verdicts['accepted'] for t in tallies.values())   # every kind has both: neither all noise nor all harmless

def test_a_mutant_is_made_of_its_number_alone(fuzz):
    for name in ('manifest', 'checkpoint', 'settings', 'labels'):
        k = fuzz.KINDS[name]; assert k.make(3, 17) == k.make(3, 17) and [k.make(3, i) for i in range(20)] != [k.make(4, i) for i in range(20)]

def test_what_goes_wrong_is_found_and_kept(fuzz, tmp_path, monkeypatch):
    "The judge itself: an exception of another kind, a warning, a crash, a hang, and a message that says too little"
    class Bad(fuzz.Kind):
        name = 'bad'
        def bases(self): return [{'x.bin': bytes(range(64))}]
        def check(self, folder, note):
            n = self.turn = getattr(self, 'turn', -1)+1
            if n == 0: raise KeyError('no')
            if n == 1: import warnings; warnings.warn('odd')
            if n == 2: raise fuzz.AudiostyleError('what', 'path')
            if n == 3: raise fuzz.AudiostyleError('what', 'path', 'remedy')
            if n == 4: os.kill(os.getpid(), signal.SIGSEGV)
            return 'accepted'
    class Slow(Bad):
        name = 'slow'
        def check(self, folder, note): time.sleep(30)
    monkeypatch.setitem(fuzz.KINDS, 'bad', Bad()); monkeypatch.setitem(fuzz.KINDS, 'slow', Slow())
    t = fuzz.fuzz(['bad'], 6, jobs=1)['bad']
    assert t.verdicts == {'finding': 4, 'AudiostyleError': 1, 'crash': 1} and [n for n, _ in t.findings] == [0, 1, 2, 4, 5], (t.verdicts, t.findings)    # the worker after the crash counts its turns anew
    assert fuzz.fuzz(['slow'], 1, jobs=1, limit=.2)['slow'].verdicts == {'hang': 1}
    at = fuzz.keep('bad', 0, 0, 'KeyError', tmp_path); assert fuzz.KINDS['bad'].make(0, 0)[0] == {'x.bin': (at/'files'/'x.bin').read_bytes()}
    fuzz.KINDS['bad'].turn = -1; assert fuzz.replay(at)[0] == 'finding'
