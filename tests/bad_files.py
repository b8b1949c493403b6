"""Bad, odd and damaged sound files, each with what must become of it; `test_bad_input.py` checks them and `benchmarks/bad_input.py` counts them.

An outcome is written 'accept', 'warn: words of the warning' or 'reject: words of the message'. `load` is what opening gives, `convert` what a conversion gives, which also
refuses what is sound but no speech. A case with `options` is one of a call with these options, so it is not part of a folder; a case whose `folder` is 'absent' is not seen there,
as a folder is searched by endings; 'named' ones are named beside the folder."""
import io, os, struct, tarfile, zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
import numpy as np, soundfile as sf

class Case(NamedTuple):
    number: str
    name: str
    make: Callable          # Called with an empty folder; makes the file and gives its path
    load: str               # What `load` and `blocks` give
    convert: str = ''       # What a conversion gives, where it is not the same
    info: str = ''          # What `info` gives, where it is not 'accept'
    folder: str = 'found'   # 'found', 'absent' or 'named'
    options: dict = {}      # Of `convert_file`
    cli: str = ''           # What the command line says, where it is not the same as `convert`

def voice(seconds=.6, rate=16000, hz=120):
    "A buzz with vibrato and gaps, (n,)"
    t = np.arange(int(round(seconds*rate)))/rate
    return .1*sum(np.sin(2*np.pi*k*(hz*t+3*np.sin(6*t)))/k for k in range(1, 20))*(t%.5<.4)

def coded(x=None, rate=16000, form='WAV', subtype=None):
    "A sound file as bytes"
    b = io.BytesIO(); sf.write(b, voice() if x is None else x, rate, format=form, subtype=subtype); return b.getvalue()

def wav(data=None, rate=16000, channels=1, bits=16, tag=1, data_size=None, extra=b'', rest=b'', align=None, riff=None):
    "A WAV file as bytes, every field of its header at will"
    data = (voice()*32767).astype('<i2').tobytes() if data is None else data
    align = channels*bits//8 if align is None else align
    fmt = struct.pack('<HHIIHH', tag, channels & 0xffff, rate & 0xffffffff, rate*align & 0xffffffff, align & 0xffff, bits)+rest
    body = b'WAVE'+b'fmt '+struct.pack('<I', len(fmt))+fmt+extra+b'data'+struct.pack('<I', len(data) if data_size is None else data_size)+data
    return b'RIFF'+struct.pack('<I', len(body) if riff is None else riff)+body

def file(content, name='x.wav'):
    "A maker of a file with this content, bytes or a function that makes them"
    def make(d): p = Path(d)/name; p.write_bytes(content() if callable(content) else content); return p
    return make

def sound(x=None, rate=16000, name='x.wav', form=None, subtype=None):
    "A maker of a sound file; `x` is a function that makes the samples"
    def make(d): sf.write(Path(d)/name, voice(rate=rate) if x is None else x(), rate, format=form, subtype=subtype); return Path(d)/name
    return make

def half(form, keep=.5, **kw):
    "The first part of a sound file"
    def make(): b = coded(form=form, **kw); return b[:int(keep*len(b))]
    return make

def link(target):
    def make(d): p = Path(d)/'x.wav'; p.symlink_to(target); return p
    return make

def fifo(d): os.mkfifo(Path(d)/'x.wav'); return Path(d)/'x.wav'
def missing(d): (Path(d)/'take one.wav').write_bytes(coded()); return Path(d)/'take_one.wav'
def subfolder(d): (Path(d)/'x.wav').mkdir(); return Path(d)/'x.wav'
def with_a(index, value):
    "Samples, one of which is `value`"
    def make(): x = voice().astype('float32'); x[index] = value; return x
    return make
def noise(seconds=.6): return np.random.default_rng(0).normal(0, .05, int(16000*seconds))
def chord(): t = np.arange(9600)/16000; return sum(.08*np.sin(2*np.pi*hz*k*t)/k for hz in (220, 277.2, 329.6) for k in range(1, 6))
def both(f): return lambda: np.stack([f(), f()], 1)
def named(name):
    def make(d): path = os.path.join(os.fsencode(d), os.fsencode(name)); open(path, 'wb').write(coded()); return path if isinstance(name, bytes) else Path(os.fsdecode(path))
    return make
def sparse(d):
    "9 GB that take a few kilobytes of disk: 79 hours at 16 kHz"
    p, n = Path(d)/'x.wav', 9*2**30; start = coded(voice(), form='WAV')[44:]
    head = b'RF64\xff\xff\xff\xffWAVEds64'+struct.pack('<IQQQI', 28, n+72, n, n//2, 0)+b'fmt '+struct.pack('<IHHIIHH', 16, 1, 1, 16000, 32000, 2, 16)+b'data\xff\xff\xff\xff'
    p.write_bytes(head+start); os.truncate(p, len(head)+n); return p
def archive(kind):
    def make():
        b = io.BytesIO()
        if kind == 'zip':
            with zipfile.ZipFile(b, 'w') as z: z.writestr('a.wav', coded())
        else:
            with tarfile.open(fileobj=b, mode='w') as t: i = tarfile.TarInfo('a.wav'); raw = coded(); i.size = len(raw); t.addfile(i, io.BytesIO(raw))
        return b.getvalue()
    return make
def junk(size, real=b''): return lambda: wav(extra=b'JUNK'+struct.pack('<I', size)+real)
def extensible(bits=16, mask=1, guid=b'\1\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71'): return lambda: wav(tag=0xfffe, rest=struct.pack('<HHI', 22, bits, mask)+guid)

UNREADABLE = 'reject: not readable audio'
CASES = [
    Case('1', 'missing', missing, "reject: no such file; did you mean 'take one.wav'?", info='same', folder='named'),
    Case('2', 'folder', subfolder, 'reject: is a folder', info='same', folder='absent', cli='reject: holds no sound files'),
    Case('3', 'zero bytes', file(b''), 'reject: is empty (0 bytes)', info='same'),
    Case('4', 'header only', file(lambda: wav(b'')), 'reject: 0 frames', info='same'),
    Case('5', 'cut in the header', file(lambda: wav()[:30]), UNREADABLE, info='same'),
    Case('5b', 'cut in the first four bytes', file(b'RI'), UNREADABLE, info='same'),
    Case('6', 'cut in half', file(half('WAV')), 'warn: was cut: its header declares 9600 samples, 4789 are there'),
    Case('6b', 'cut in half, strict', file(half('WAV')), 'reject: was cut', options=dict(strict=True)),
    Case('6c', 'AIFF cut in half', file(half('AIFF'), 'x.aiff'), 'warn: was cut'),
    Case('6d', 'NIST cut in half', file(half('NIST'), 'x.sph'), 'warn: was cut'),
    Case('6e', 'GSM cut in half', file(half('WAV', subtype='GSM610')), 'warn: was cut'),
    Case('7', 'odd byte count', file(lambda: wav()[:-1]), 'warn: was cut: its header declares 9600 samples, 9599 are there'),
    Case('8', 'streamed, data size all ones', file(lambda: wav(data_size=0xffffffff, riff=0xffffffff)), 'accept'),
    Case('8b', 'streamed, data size zero', file(lambda: wav(data_size=0, riff=0)), 'reject: 0 frames', info='same'),
    Case('9', 'data size beyond the file', file(lambda: wav(data_size=38400)), 'warn: was cut: its header declares 19200 samples, 9600 are there'),
    Case('10', 'text', file(b'once upon a time '*99), UNREADABLE, info='same'),
    Case('11', 'random bytes', file(lambda: np.random.default_rng(1).bytes(5000)), UNREADABLE, info='same'),
    Case('11b', 'random bytes behind a WAV header', file(lambda: b'RIFF\xff\xff\0\0WAVE'+np.random.default_rng(1).bytes(5000)), UNREADABLE, info='same'),
    Case('11c', 'zeros', file(bytes(5000)), UNREADABLE, info='same'),
    Case('12', 'MP3 named .wav', file(lambda: coded(form='MP3')), 'accept'),
    Case('12b', 'WAV named .mp3', sound(name='x.mp3', form='WAV'), 'accept'),
    Case('12c', 'no ending', sound(name='no ending', form='WAV'), 'accept', folder='named'),
    Case('13', 'FLAC cut', file(half('FLAC'), 'x.flac'), UNREADABLE),
    Case('13b', 'OGG cut', file(half('OGG'), 'x.ogg'), UNREADABLE, info='either'),
    Case('14', 'MP3 cut', file(half('MP3'), 'x.mp3'), 'warn: was cut'),
    Case('15', '0 channels', file(lambda: wav(channels=0, align=2)), UNREADABLE, info='same'),
    Case('16', '1024 channels', file(lambda: wav(channels=1024)), 'reject: 1024 channels', info='same'),
    Case('17', 'sample rate 0', file(lambda: wav(rate=0)), 'reject: ', info='same'),
    Case('18', 'sample rate 1', file(lambda: wav(rate=1)), 'reject: sample rate of 1 Hz', info='same'),
    Case('19', 'sample rate 2^31-1', file(lambda: wav(rate=2**31-1)), 'reject: sample rate of 2147483647 Hz', info='same'),
    Case('19b', 'sample rate 2^32-1', file(lambda: wav(rate=2**32-1)), 'reject: ', info='same'),
    Case('20', '44101 Hz', sound(rate=44101), 'accept'),
    Case('20b', '47999 Hz', sound(rate=47999), 'accept'),
    Case('21', '8 kHz', sound(rate=8000), 'accept', 'warn: was recorded at 8000 Hz and holds nothing above 4000 Hz'),
    Case('22', '96 kHz', sound(rate=96000, name='x.flac'), 'accept'),
    Case('22b', '192 kHz', sound(rate=192000), 'accept'),
    Case('23', '8-bit PCM', sound(subtype='PCM_U8'), 'accept'),
    Case('23b', 'mu-law', sound(subtype='ULAW'), 'accept'),
    Case('23c', 'IMA ADPCM', sound(subtype='IMA_ADPCM'), 'warn: so its length of 10170 samples is rounded up'),
    Case('23d', 'MS ADPCM, the header knows the length', sound(subtype='MS_ADPCM'), 'accept'),
    Case('24', '24 bits', sound(subtype='PCM_24'), 'accept'),
    Case('24b', '32 bits', sound(subtype='PCM_32'), 'accept'),
    Case('24c', 'float64', sound(subtype='DOUBLE'), 'accept'),
    Case('25', 'stereo', sound(both(voice)), 'accept'),
    Case('25b', 'opposite phase', sound(lambda: np.stack([voice(), -voice()], 1)), 'warn: the mono mix loses', 'reject: is silent'),
    Case('25c', 'opposite phase, one channel chosen', sound(lambda: np.stack([voice(), -voice()], 1)), 'accept', options=dict(channel=1)),
    Case('25d', 'nearly opposite phase', sound(lambda: np.stack([voice(), -.95*voice()], 1)), 'warn: the mono mix loses 32 dB'),
    Case('26', '8 channels', sound(lambda: np.repeat(voice()[:,None], 8, 1)), 'accept'),
    Case('26b', '8 channels, the last', sound(lambda: np.eye(8)[7]*voice()[:,None]), 'accept', options=dict(channel=7)),
    Case('26c', '8 channels, the ninth', sound(lambda: np.repeat(voice()[:,None], 8, 1)), 'reject: has no channel 8', options=dict(channel=8)),
    Case('27', 'NaN', sound(with_a(800, np.nan), subtype='FLOAT'), 'reject: sample 800 (0.050 s) is nan'),
    Case('27b', 'NaN at the end', sound(with_a(-1, np.nan), subtype='DOUBLE'), 'reject: sample 9599 (0.600 s) is nan'),
    Case('28', 'infinity', sound(with_a(0, np.inf), subtype='FLOAT'), 'reject: sample 0 (0.000 s) is inf'),
    Case('28b', 'finite in 64 bits, infinite in 32', sound(lambda: np.where(np.arange(9600) == 5, 1e300, voice()), subtype='DOUBLE'), 'reject: '),
    Case('29', 'float of a million', sound(lambda: voice()*1e7, subtype='FLOAT'), 'reject: full scale is 1'),
    Case('29b', 'float slightly above full scale', sound(lambda: voice()*8, subtype='FLOAT'), 'warn: scaled down to 0.999'),
    Case('30', 'clipped all through', sound(lambda: np.sign(voice()+1e-9)), 'warn: at full scale: clipped', 'either'),
    Case('31', 'digital silence', sound(lambda: np.zeros(9600)), 'accept', 'reject: is silent, no speech found'),
    Case('32', 'offset of one half', sound(lambda: voice()+.5, subtype='FLOAT'), 'warn: a constant offset of 0.5'),
    Case('33', 'one sample', sound(lambda: voice()[100:101]), 'accept', 'reject: at least 100 ms'),
    Case('33b', 'ten samples', sound(lambda: voice()[100:110]), 'accept', 'reject: at least 100 ms'),
    Case('34', 'half an analysis window', sound(lambda: voice()[:512]), 'accept', 'reject: at least 100 ms'),
    Case('34b', 'half an analysis window and one', sound(lambda: voice()[:513]), 'accept', 'reject: at least 100 ms'),
    Case('34c', 'the least that may be speech', sound(lambda: voice()[:1600]), 'accept', 'either'),
    Case('36', '9 GB, 83 hours', sparse, 'reject: hours, too much for one tensor', 'reject: hours'),
    *(Case(f'37{c}', f'name {n!r}', named(n), 'accept') for c, n in zip('abcdefgh', ('été 声 🎵.wav', 'with space.wav', 'quote\'s "two".wav', 'line\nbreak.wav', '-leading dash.wav', '{brace} %s $HOME.wav', 'tab\t\x1b[31m.wav', '  .wav'))),
    Case('37i', 'a leading dot', named('.hidden.wav'), 'accept', folder='named'),
    Case('38', 'a name that is not UTF-8', named(b'caf\xe9 \xff.wav'), 'accept'),
    Case('39', 'a name of 300 characters', lambda d: Path(d)/('n'*300+'.wav'), 'reject: too long', info='same', folder='named'),
    Case('39b', 'a path of 5000 characters', lambda d: Path(d)/('nnn/'*1250+'deep.wav'), 'reject: too long', info='same', folder='named'),
    Case('40', 'FIFO', fifo, 'reject: not a regular file', info='same'),
    Case('41', 'link to itself', link('x.wav'), 'reject: ', info='same'),
    Case('41b', 'dangling link', link('nowhere'), 'reject: link', info='same'),
    Case('41c', 'link to /dev/zero', link('/dev/zero'), 'reject: not a regular file', info='same'),
    Case('44', 'pure noise', sound(noise), 'accept', 'either'),
    Case('44b', 'a chord', sound(chord), 'accept', 'either'),
    # beyond the list
    Case('A1', 'zip', file(archive('zip')), UNREADABLE, info='same'),
    Case('A2', 'tar', file(archive('tar')), UNREADABLE, info='same'),
    Case('A3', 'pickle', file(b'\x80\x04\x95\x1d\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x04true\x94\x85\x94R\x94.'), UNREADABLE, info='same'),
    Case('A4', 'a page of HTML', file(b'<!DOCTYPE html><html><body>Please log in</body></html>'), UNREADABLE, info='same'),
    Case('A5', 'MP3 of tags only', file(lambda: b'ID3\x04\0\0\0\0\x0f\x76'+bytes(2038), 'x.mp3'), UNREADABLE, info='same'),
    Case('A6', 'FLAC of 0 samples', file(lambda: coded(np.zeros(0), form='FLAC'), 'x.flac'), 'reject: ', info='same'),
    Case('A7', 'FLAC of unknown length', file(lambda: (lambda b: b[:21]+bytes([b[21] & 0xf0])+bytes(4)+b[26:])(coded(form='FLAC')), 'x.flac'), 'reject: does not say how long it is', info='same'),
    Case('A8', 'JUNK of 2 GB that is not there', file(junk(2**31)), 'reject: ', info='same'),
    Case('A9', 'JUNK of a kilobyte', file(junk(1024, bytes(1024))), 'accept'),
    Case('A10', 'JUNK of odd length, unpadded', file(junk(7, bytes(7))), 'either', info='either'),
    Case('A11', 'format tag unknown', file(lambda: wav(tag=0x1234)), UNREADABLE, info='same'),
    Case('A12', 'bogus bits per sample', file(lambda: wav(bits=17, align=2)), 'either', info='either'),
    Case('A13', 'bits per sample 0', file(lambda: wav(bits=0, align=2)), 'either', info='either'),
    Case('A14', 'block alignment 0', file(lambda: wav(align=0)), 'either', info='either'),
    Case('A15', 'fmt chunk of 4 GB', file(lambda: wav()[:16]+b'\xf0\xff\xff\xff'+wav()[20:]), 'reject: ', info='same'),
    Case('A16', 'two fmt chunks that disagree', file(lambda: wav(extra=b'fmt '+struct.pack('<IHHIIHH', 16, 1, 2, 8000, 32000, 4, 16))), 'either', info='either'),
    Case('A17', 'extensible', file(extensible()), 'accept'),
    Case('A18', 'extensible, unknown kind', file(extensible(guid=b'\xee'*16)), UNREADABLE, info='same'),
    Case('A19', 'extensible, 33 valid bits of 16', file(extensible(bits=33)), 'either', info='either'),
    Case('A20', 'AIFF-C, little-endian', lambda d: (sf.SoundFile(Path(d)/'x.aifc', 'w', 16000, 1, 'PCM_16', 'LITTLE', 'AIFF').__enter__().write(voice()), Path(d)/'x.aifc')[1], 'accept'),
    Case('A21', 'AppleDouble beside a recording', lambda d: (lambda p: (p.write_bytes(b'\0\5\x16\7\0\2\0\0Mac OS X        '+bytes(4000)), p)[1])(Path(d)/'._x.wav'), UNREADABLE, info='same', folder='absent'),
    Case('A22', 'Thumbs.db', file(b'\xd0\xcf\x11\xe0'+bytes(3000), 'Thumbs.db'), UNREADABLE, info='same', folder='absent'),
    Case('A23', 'a name of dots', file(wav, '...'), 'accept', folder='absent'),
    Case('A24', 'M4A, which libsndfile does not read', file(b'\0\0\0\x20ftypM4A \0\0\2\0M4A mp42isom'+bytes(3000), 'x.wav'), UNREADABLE, info='same'),
    Case('A25', 'PNG', file(b'\x89PNG\r\n\x1a\n'+bytes(3000), 'x.wav'), UNREADABLE, info='same'),
    Case('A26', 'WAV with two recordings behind one another', file(lambda: wav()+wav()), UNREADABLE, info='same'),
    Case('A27', 'W64 that promises 2^63 bytes', file(lambda: (lambda b: b[:16]+b'\xff'*7+b'\x7f'+b[24:])(coded(form='W64')), 'x.w64'), 'either', info='either'),
    Case('A28', 'AU with a header of 4 GB', file(lambda: b'.snd'+struct.pack('>IIIII', 0xfffffff0, 0xffffffff, 3, 16000, 1)+bytes(4000), 'x.au'), 'reject: ', info='same'),
    Case('A29', 'CAF of negative size', file(lambda: (lambda b: b.replace(b'data'+b[b.index(b'data')+4:b.index(b'data')+12], b'data'+b'\xff'*7+b'\xfe'))(coded(form='CAF')), 'x.caf'), 'either', info='either'),
]

DOORS = ('api', 'cli', 'folder')
HUGE = ('36',)   # `blocks` would read it all, as it should

class Seen(NamedTuple):
    "What became of a file"
    status: str             # 'accept', 'warn' or 'reject'
    text: str               # Warnings, or the message
    seconds: float = 0.
    code: int | None = None # Exit code, where there was one

def complaint(want, seen, name=None):
    "What is wrong with an outcome; empty where nothing is"
    kind, _, words = want.partition(': ')
    if kind != 'either' and (seen.status != kind or words not in seen.text): return f'wanted {want!r}, saw {seen.status}: {seen.text}'
    if seen.status == 'reject':
        path, _, rest = seen.text.partition(': ')
        if '\n' in seen.text: return f'more than one line: {seen.text!r}'
        if name and one(name) not in path: return f'does not name {one(name)!r}: {seen.text}'
        if len(rest.split('; ', 1)[-1]) < 8 or '; ' not in rest: return f'names no remedy: {seen.text}'
        if 'internal fault' in seen.text: return seen.text
        if seen.code not in (None, 2): return f'exit code {seen.code}: {seen.text}'
    elif seen.code not in (None, 0): return f'exit code {seen.code}: {seen.text}'
    return ''

def one(name):
    from audiostyle.core.errors import one_line
    return one_line(os.fsdecode(name))

def wanted(case, what):
    "The outcome that is due: of 'load', 'blocks', 'info', or 'convert'"
    if what == 'info': return case.load if case.info == 'same' else case.info or 'accept'
    return case.convert or case.load if what == 'convert' else case.load

def observe(work):
    "What became of calling `work`; an exception of another kind than ours passes"
    import time, warnings
    from audiostyle.core.errors import AudioWarning, AudiostyleError
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        try: work()
        except AudiostyleError as e: return Seen('reject', str(e), time.perf_counter()-start)
    said = [str(w.message) for w in caught if issubclass(w.category, AudioWarning)]
    return Seen('warn' if said else 'accept', ' | '.join(said), time.perf_counter()-start)

def state(folder):
    "Everything below a folder: names, kinds, lengths, times and content of what is small"
    def look(e):
        s = e.stat(follow_symlinks=False)
        small = e.is_file(follow_symlinks=False) and s.st_size < 2**20 and os.access(e.path, os.R_OK)
        return s.st_mode, s.st_size, s.st_mtime_ns, open(e.path, 'rb').read() if small else None
    found = {}
    for e in os.scandir(os.fsencode(folder)):
        found[e.name] = look(e)
        if e.is_dir(follow_symlinks=False): found.update({e.name+b'/'+n: s for n, s in state(e.path).items()})
    return found

def program(*args):
    "Exit code, standard output and standard error of `audiostyle ARGS`, in this process"
    from contextlib import redirect_stderr, redirect_stdout
    from audiostyle.studio.cli import main
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err): code = main([os.fsdecode(a) for a in args])
    return code, out.getvalue(), err.getvalue()

def switches(options):
    return [w for k, v in options.items() for w in ([f'--{k}'] if v is True else [f'--{k}', str(v)])]

def by_api(case, path, out, model):
    "Complaints about `info`, `load`, `blocks` and `convert_file`, and the slowest refusal [s]"
    from audiostyle.pipelines.convert import convert_file
    from audiostyle.signal.soundfiles import blocks, info, load
    doors = dict(info=lambda: info(path), load=lambda: load(path, **case.options), blocks=lambda: [None for _ in blocks(path, .1, **case.options)],
                 convert=lambda: convert_file(path, out, 'high', model, show=False, **case.options))
    if case.number in HUGE: doors.pop('blocks')
    seen = {k: observe(f) for k, f in doors.items() if not (k == 'info' and case.options)}
    return [f'{k}: {c}' for k, s in seen.items() if (c := complaint(wanted(case, k), s, os.path.basename(path) if s.status == 'reject' else None))], seen

def by_cli(case, path, out, folder):
    "Complaints about `audiostyle convert`"
    import time
    start = time.perf_counter()
    code, said, err = program('convert', '--to', 'high', '-o', out, '--model', folder, *switches(case.options), '--', path); took = time.perf_counter()-start
    lines = err.splitlines(); bad = []
    if 'Traceback' in err: bad.append(err)
    if code:
        if len(lines) != 1 or said: bad.append(f'more than one line: {err!r} {said!r}')
        seen = Seen('reject', err.rstrip('\n').removeprefix('audiostyle: '), took, code)
    else: seen = Seen('warn' if lines else 'accept', ' | '.join(lines), took, code)
    return bad+[c for c in [complaint(case.cli or wanted(case, 'convert'), seen, os.path.basename(path))] if c], seen

def from_record(record):
    "What a line of results.jsonl says"
    if record['status'] == 'failed': return Seen('reject', record['error'], record['wall_seconds'])
    return Seen('warn' if record['warnings'] else 'accept', ' | '.join(record['warnings']), record['wall_seconds'])

def make_all(root, cases=CASES):
    "Every case in a folder of its own below `root`; number to path"
    paths = {}
    for c in cases: (Path(root)/c.number).mkdir(parents=True); paths[c.number] = c.make(Path(root)/c.number)
    return paths

def tiny_model(folder):
    "The folder of a converter that was never trained, with the voices low and high"
    import torch
    from audiostyle.signal.world import PitchStats, WorldSettings
    from audiostyle.voice.vae import VAE, voices
    from audiostyle.voice.vae_converter import TargetVoice, VAEConverter
    torch.manual_seed(0); s = voices(world=WorldSettings(f0_method='dio'), hidden=16, latent=4, context=1); one = np.ones(s.dim, np.float32)
    targets = [TargetVoice(PitchStats(float(np.log(hz)), .15), 0*one, one) for hz in (95., 220.)]
    VAEConverter(VAE(s, 2), ('low', 'high'), (0*one, one), targets).save_pretrained(folder, 'untrained'); return Path(folder)

def memory(key):
    "Peak (VmHWM) or present (VmRSS) resident memory of this process [MB]"
    return next(int(l.split()[1]) for l in open('/proc/self/status') if l.startswith(key))/1024

def refuse_all(root, paths):
    "Every refusal by functions and command line in this process: the memory they add to a conversion's [MB], the slowest three [s, what], and how many"
    import warnings
    from audiostyle.pipelines.convert import convert_file
    warnings.simplefilter('ignore'); root = Path(root); out = root/'measured'; out.mkdir(); (out/'good').write_bytes(coded()); took = []
    convert_file(out/'good', out/'good.wav', 'high', root/'m'); start = memory('VmRSS')
    with open('/proc/self/clear_refs', 'w') as f: f.write('5')                 # the peak starts anew
    for c in CASES:
        if not any(wanted(c, k).startswith('reject') for k in ('load', 'convert')): continue
        seen = {**by_api(c, paths[c.number], out/'x.wav', root/'m')[1], 'cli': by_cli(c, paths[c.number], out/'x.wav', root/'m')[1]}
        took += [(s.seconds, f'{c.number} {c.name}, {door}') for door, s in seen.items() if s.status == 'reject']
    return dict(extra_mb=memory('VmHWM')-start, slowest=sorted(took, reverse=True)[:3], refusals=len(took))
