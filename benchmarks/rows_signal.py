"Rows 1 to 4: phases from magnitudes, mel bands, the mu-law, WORLD."
import numpy as np, torch
from .timing import Row, Work, installed

def voice(seconds, rate=16000, pitch=120., seed=0):
    "Harmonics of a wandering pitch and some breath, (n,) float32: something that analysers take for speech."
    t = np.arange(int(seconds*rate))/rate; rng = np.random.default_rng(seed)
    phase = 2*np.pi*np.cumsum(pitch*(1+.2*np.sin(2*np.pi*.7*t)))/rate
    x = sum(np.sin(k*phase+k*k)/k for k in range(1, 25))*(.6-.4*np.cos(2*np.pi*2*t))
    return (.4*x/np.abs(x).max()+.005*rng.standard_normal(len(t))).astype(np.float32)

def phases(quick, folder):
    from audiostyle.signal.spectral import griffin_lim, magnitude, stft
    n_iter = 4 if quick else 32
    mag = magnitude(stft(torch.from_numpy(voice(.5 if quick else 10.))[None])); m = mag[0].numpy()
    def librosa():
        import librosa
        return librosa.griffinlim(m, n_iter=n_iter, hop_length=256)
    def torchaudio():
        from torchaudio.functional import griffinlim
        return griffinlim(mag, torch.hann_window(1024), 1024, 256, 1024, 1., n_iter, .99, None, True)
    frames = torch.randn(mag.shape[-1], 1024); spec = torch.fft.rfft(frames)
    def transforms():
        for _ in range(n_iter): torch.fft.rfft(frames, dim=1, out=spec); torch.fft.irfft(spec, n=1024, dim=1, out=frames)
    return Work(lambda: griffin_lim(mag, n_iter=n_iter), installed(librosa=librosa, torchaudio=torchaudio), ('FFTs alone', transforms))

def log_mel(quick, folder):
    from audiostyle.signal.spectral import MelSettings, log_compress, mel_spectrogram
    clips = [torch.from_numpy(voice(.5 if quick else 5., pitch=90+i)) for i in range(2 if quick else 100)]; s = MelSettings()
    def ours(): return [log_compress(mel_spectrogram(x, s)) for x in clips]
    def librosa():
        import librosa
        return [np.log(np.maximum(librosa.feature.melspectrogram(y=x.numpy(), sr=16000, n_fft=1024, hop_length=256, n_mels=80, power=1., pad_mode='reflect'), 1e-5)) for x in clips]
    def torchaudio():
        from torchaudio.transforms import MelSpectrogram
        mel = MelSpectrogram(16000, 1024, hop_length=256, n_mels=80, power=1., mel_scale='slaney', norm='slaney')
        return [mel(x).clamp(min=1e-5).log() for x in clips]
    def same():
        for other in installed(librosa=librosa, torchaudio=torchaudio).values(): assert max(np.abs(a.numpy()-np.asarray(b)).max() for a, b in zip(ours(), other())) < 2e-3
    t = ours()[0].shape[-1]; frames, mels = torch.randn(t, 1024), [mel_spectrogram(x, s) for x in clips]; spec, power = torch.fft.rfft(frames), torch.rand(513, t)
    def each(f): return lambda: [f(x) for x in clips]
    parts = {'cut into frames': each(lambda x: torch.mul(torch.nn.functional.pad(x[None, None], (512, 512), mode='reflect')[0, 0].unfold(-1, 1024, 256), torch.hann_window(1024), out=frames)),
             'modulus': each(lambda x: spec.abs()), 'product with all of the filters': each(lambda x: s.filters@power), 'logarithm': lambda: [log_compress(m) for m in mels]}
    return Work(ours, installed(librosa=librosa, torchaudio=torchaudio), ('FFTs alone', each(lambda x: torch.fft.rfft(frames, dim=1, out=spec))), parts, same)

def mulaw(quick, folder):
    from audiostyle.signal.waveform import mulaw_encode
    x = torch.from_numpy(voice(1. if quick else 60.)); a = x.numpy()
    def librosa():
        import librosa
        return librosa.mu_compress(a, mu=255, quantize=True)
    def torchaudio():
        from torchaudio.functional import mu_law_encoding
        return mu_law_encoding(x, 256)
    def same():
        for other in installed(torchaudio=torchaudio).values(): assert (mulaw_encode(x)-other()).abs().max() <= 1
    out = torch.empty(x.shape, dtype=torch.int64)
    return Work(lambda: mulaw_encode(x), installed(librosa=librosa, torchaudio=torchaudio), ('one pass', lambda: out.copy_(x)), {'room for the labels': lambda: torch.zeros_like(out)}, same)

def _clips(quick): return [voice(.5 if quick else 5., pitch=90+15*i, seed=i).astype(np.float64) for i in range(2 if quick else 8)]

def _pyworld(x):
    import pyworld as pw
    f0, t = pw.harvest(x, 16000, f0_floor=60., f0_ceil=500., frame_period=5.); f0 = pw.stonemask(x, f0, t, 16000)
    return f0, pw.cheaptrick(x, f0, t, 16000, fft_size=1024), pw.d4c(x, f0, t, 16000, fft_size=1024)

def world_two_cores(quick, folder):
    import pyworld as pw
    from audiostyle.signal.world import analyse_many
    clips = _clips(quick); x = clips[0]; f0, t = pw.harvest(x, 16000, f0_floor=60., f0_ceil=500.)
    parts = {'of one clip: Harvest': lambda: pw.harvest(x, 16000, f0_floor=60., f0_ceil=500.), 'StoneMask': lambda: pw.stonemask(x, f0, t, 16000),
             'CheapTrick': lambda: pw.cheaptrick(x, f0, t, 16000, fft_size=1024), 'D4C': lambda: pw.d4c(x, f0, t, 16000, fft_size=1024)}
    return Work(lambda: list(analyse_many(clips, jobs=2)), {'pyworld': lambda: [_pyworld(x) for x in clips]}, parts=parts)

def world_cached(quick, folder):
    from audiostyle.core.store import ArrayStore
    from audiostyle.signal.waveform import save
    from audiostyle.signal.world import analyse_file
    clips, files = _clips(quick), []
    for i, x in enumerate(clips): files.append(folder/f'{i}.wav'); save(files[-1], torch.from_numpy(x).float()[None], 16000)
    store = ArrayStore(folder/'store')
    def ours(): return [sum(float(a[-1].sum()) for a in analyse_file(f, store=store).values()) for f in files]
    return Work(ours, installed(pyworld=lambda: [_pyworld(x) for x in clips]))

ROWS = [Row(1, 'Griffin-Lim, 10 s, 1024/256, 32 iterations', phases, {'librosa': 2, 'torchaudio': 1.5}),
        Row(2, 'log-mel of 100 clips of 5 s', log_mel, {'librosa': 2.5, 'torchaudio': 1.5}),
        Row(3, 'mu-law encoding of 60 s', mulaw, {'torchaudio': 3}),
        Row(4, 'WORLD analysis of 8 x 5 s, two cores', world_two_cores, {'pyworld': 1.6}, threads=2, repeats=5),
        Row(4, 'WORLD features of 8 x 5 s, known already', world_cached, {'pyworld': 20}, repeats=5)]
