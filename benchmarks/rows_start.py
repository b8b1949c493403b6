"Row 22: what one pays for `import audiostyle`, each time in a fresh process."
import subprocess, sys
from .timing import Row, Work

def _fresh(code): return lambda: subprocess.run([sys.executable, '-c', code], check=True)

def bare(quick, folder):
    check = 'import sys, audiostyle, audiostyle.core.config, audiostyle.core.errors, audiostyle.core.store; assert "torch" not in sys.modules'
    return Work(_fresh(check), floor=('python starts', _fresh('pass')), parts={'numpy': _fresh('import numpy')})

def with_torch(quick, folder):
    names = 'signal.waveform signal.spectral signal.world data.manifest metrics.speech'.split()
    code = 'import '+', '.join(f'audiostyle.{n}' for n in names)
    if quick: return Work(_fresh(code))
    mel = code+', torch; audiostyle.signal.spectral.mel_spectrogram(torch.zeros(1, 16000))'
    return Work(_fresh(code), floor=('import torch', _fresh('import torch')), parts={'python starts': _fresh('pass'), 'import and one mel spectrogram': _fresh(mel)})

ROWS = [Row(22, 'import audiostyle and its core, without torch', bare, at_most=1.), Row(22, 'import signal, data and metrics, with torch', with_torch, at_most=3.)]
