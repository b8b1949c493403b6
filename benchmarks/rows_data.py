"""Rows 8 to 10: short recordings, random crops, cached mels, each read warm from the page cache.

An array that was read is copied into memory of its own, ours too, and let go before the next one, as a loop over a corpus does."""
import random
import numpy as np, soundfile as sf, torch
from .timing import Row, Work

_BUFFER = bytearray(2**16)

def _clips(folder, n, seconds, ending, rate=16000):
    "A manifest of `n` recordings of eight speakers, smoothed noise whose loudness goes up and down like that of syllables."
    from audiostyle.data.manifest import Manifest, Utterance
    rng, out = np.random.default_rng(0), []
    for i in range(n):
        t = np.arange(int(rate*rng.uniform(*seconds)))/rate
        x = np.convolve(rng.standard_normal(len(t)), np.hanning(32)/16, 'same')*np.sin(np.pi*3*t)**2*.2
        u = Utterance(f'{i:04}', f's{i%8}/{i:04}.{ending}', 'train', f's{i%8}'); out.append(u)
        (folder/u.path).parent.mkdir(exist_ok=True); sf.write(folder/u.path, x, rate, subtype='PCM_16')
    return Manifest(out, folder)

def _whole(path):
    with open(path, 'rb') as f:
        while f.readinto(_BUFFER): pass

def _copied(pack):
    "Copy what a pack holds from the map, in pieces that stay in the cache."
    data, to = pack._data[:len(pack._data)//2**16*2**16].reshape(-1, 2**16), np.empty(2**16, np.uint8)
    return lambda: [np.copyto(to, x) for x in data]

def short_files(quick, folder):
    from audiostyle.data.packed import pack_corpus
    m = _clips(folder, 20 if quick else 1000, (.5, 1.5), 'flac'); paths = [str(m.path_of(u)) for u in m]
    corpus = pack_corpus(m, path=folder/'pack', show=False)
    def ours():
        for i in range(len(corpus)): np.array(corpus[i]['waveform'])
    def soundfile():
        for p in paths: sf.read(p, dtype='float32')
    def same(): assert all(np.array_equal(x['waveform'][0], sf.read(p, dtype='float32')[0]) for x, p in zip(corpus, paths))
    return Work(ours, dict(soundfile=soundfile), ('copy the bytes of the map', _copied(corpus.pack)), {'read the bytes of the FLACs': lambda: [_whole(p) for p in paths]}, same)

class Crops(torch.utils.data.Dataset):
    "What one writes for a DataLoader: find the place, read only that."
    def __init__(self, paths, lengths, n): self.paths, self.lengths, self.n = paths, lengths, n
    def __len__(self): return len(self.paths)
    def __getitem__(self, i):
        start = random.randint(0, self.lengths[i]-self.n)
        return torch.from_numpy(sf.read(self.paths[i], self.n, start, dtype='float32')[0]), i%8

def _load_wav(path, n):
    "voxceleb_trainer's `loadWAV`: the whole file, wrapped where it is short, and one stretch of it."
    audio, _ = sf.read(path)
    if len(audio) <= n: audio = np.pad(audio, (0, n+1-len(audio)), 'wrap')
    start = np.int64(random.random()*(len(audio)-n))
    return np.stack([audio[start:start+n]]).astype(float)

def crops(quick, folder, batch=50):
    from audiostyle.data.batches import CropBatches
    from audiostyle.data.packed import pack_corpus
    m = _clips(folder, 50 if quick else 1000, (4., 8.), 'wav'); n, steps = 32000, 1 if quick else 20
    paths, corpus = [str(m.path_of(u)) for u in m], pack_corpus(m, path=folder/'pack', show=False); lengths = corpus.pack.lengths('waveform').tolist()
    data, count = CropBatches(corpus, n, batch, balance='items'), [0]
    def ours():
        for _ in range(steps): assert data.batch(count[0])['waveform'].shape == (batch, 1, n); count[0] += 1     # other places each time
    loader = torch.utils.data.DataLoader(Crops(paths, lengths, n), batch, shuffle=True, num_workers=0, drop_last=True)
    def dataloader():
        for x, _ in loader: assert x.shape == (batch, n)
    def voxceleb():
        order = random.sample(range(len(paths)), len(paths))
        for k in range(steps): assert torch.FloatTensor(np.stack([_load_wav(paths[i], n) for i in order[k*batch:(k+1)*batch]])).shape == (batch, 1, n)
    source, total = np.zeros((batch, n), np.float32), steps
    return Work(ours, {'torch DataLoader': dataloader, 'voxceleb_trainer': voxceleb}, ('copy as many bytes into fresh batches', lambda: [source.copy() for _ in range(total)]))

def mels(quick, folder):
    from audiostyle.core.store import write_pack
    rng, n = np.random.default_rng(0), 20 if quick else 1000
    items = [(f'{i:04}', dict(mel=rng.normal(size=(80, rng.integers(50, 150))).astype('f4'))) for i in range(n)]; order = rng.permutation(n).tolist()
    pack = write_pack(folder/'pack', items)
    for name, x in items: np.save(folder/f'{name}.npy', x['mel']); torch.save(torch.from_numpy(x['mel']), folder/f'{name}.pt')
    npy, pt = ([str(folder/f'{name}.{e}') for name, _ in items] for e in ('npy', 'pt'))
    def ours():
        for i in order: np.array(pack[i]['mel'])
    def numpy():
        for i in order: np.load(npy[i])
    def load():
        for i in order: torch.load(pt[i])
    def same(): assert all(np.array_equal(pack[i]['mel'], np.load(npy[i])) and np.array_equal(pack[i]['mel'], torch.load(pt[i]).numpy()) for i in order)
    return Work(ours, {'torch.load': load, '.npy': numpy}, ('copy the bytes of the map', _copied(pack)), {'views, not copied': lambda: [pack[i] and None for i in order]}, same)

ROWS = [Row(8, '1000 FLACs of 1 s, warm', short_files, {'soundfile': 10}),
        Row(9, '1000 random crops of 2 s in batches of 50', crops, {'torch DataLoader': 4, 'voxceleb_trainer': 4}),
        Row(10, '1000 cached mels in random order', mels, {'.npy': 8})]
