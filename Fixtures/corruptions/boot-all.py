#!/usr/bin/env python3
"""Boot a real kernel with every corrupted handover, and write down what it did.

boot-all.py BOOT KERNEL IMAGES RESULTS

BOOT     a script that boots KERNEL with an image: BOOT KERNEL IMAGE --fdt-pa PA --session NAME,TOKEN... --log FILE.
         Its init retrieves the sessions and files, and prints lines that begin with PROOF.
KERNEL   a kernel with CONFIG_LIVEUPDATE_TEST
IMAGES   the directory of images that `LUO_FDT_CORRUPTIONS=IMAGES swift test --filter CorruptionTests` writes. Logs
         are kept there; an image whose log is there is not booted again.
RESULTS  the file for the results: Fixtures/corruptions/kernel-VERSION.json
"""
import json, pathlib, re, subprocess, sys

SESSIONS = {
    'base': ['alpha,1,2', 'beta,3', 'gamma'],
    'chain': ['session-00,1,65', 'session-01,100,101', 'session-52'],
}
FLBS = ['liveupdate-test-flb-v%d' % i for i in range(3)]
KEPT = re.compile(r'PROOF (file \S+ size .*)')


def verdict(text, sound):
    """What the kernel did, and the line that shows it. `sound` is the log of the handover without a fault."""
    lines = [re.sub(r'^\[ *[\d.]+\] ', '', l).strip() for l in re.sub(r'(?<=[^\n])(PROOF |luo: |liveupdate test)', r'\n\1', text).splitlines() if 'ommand line:' not in l]

    def line(pattern):
        return next((l for l in lines if re.search(pattern, l)), None)

    if line('disabling KHO revival'):
        return 'ignored', line('KHO: setup|failed to get preserved') or line('disabling KHO revival')
    fault = line(r'BUG: |Oops: ')
    panic = line('Kernel panic')
    if panic and 'incoming tree' in panic:
        return 'panic', line('Block |LUO state') or panic
    if fault or panic:
        return 'crash', fault or panic
    if line('PROOF open -1'):
        return 'open-fails', line('^luo: (Block|File count|No registered)') or line('^luo: Failed')
    if not line('PROOF DONE'):
        return 'hang', lines[-1] if lines else 'no line at all: it ended before there was a console'
    asked = [l for l in lines if re.match(r'PROOF session .* (ok|errno)', l)]
    if asked and all(l.endswith('errno 2') for l in asked):
        return 'no-sessions', asked[0]
    problem = line(r'PROOF (file|session) .* errno [1-9]')
    if problem:
        return 'partly', problem
    files = [m.group(1) for l in lines for m in [KEPT.match(l)] if m]
    wanted = [m.group(1) for l in (sound or '').splitlines() for m in [KEPT.search(l)] if m]
    for found, expected in zip(files, wanted):
        if re.sub(r' pos \d+', '', found) != re.sub(r' pos \d+', '', expected):
            return 'partly', found
    lost = [f for f in FLBS if not line(f + ': found flb data')]
    if lost:
        return 'partly', 'no flb data for ' + ', '.join(lost)
    if sound and 'Revived memory reservation' in sound and not line('Revived memory reservation'):
        return 'partly', line('FDT .memblock|Node .testblk|KHO.*testblk|memblock.*KHO') or 'the region is not revived'
    return 'accepted', line(r'^WARNING:|kexec-metadata') or asked[0]


def main():
    boot, kernel, images, results = sys.argv[1:]
    images = pathlib.Path(images)
    recipes = json.loads((pathlib.Path(__file__).parent / 'recipes.json').read_text())
    done, sound = {}, {}
    for recipe in recipes:
        name, base = recipe['name'], recipe['base']
        log = images / (name + '.log')
        if not log.exists():
            args = [a for s in recipe.get('sessions', SESSIONS[base]) for a in ('--session', s)]
            # What is behind a session's name is one more argument for the kernel.
            args[-1] += ' reserve_mem=65536:4096:testblk'
            subprocess.run([sys.executable, boot, kernel, str(images / (name + '.elf')), '--fdt-pa', '0x10000000', '--log', str(log)] + args, stdout=subprocess.DEVNULL)
        text = log.read_bytes().decode(errors='replace') if log.exists() else ''
        if base not in sound: sound[base] = text
        what, line = verdict(text, sound[base])
        line = re.sub(r'(address:|at) (0x)?f[0-9a-f]{15}\b', r'\1 …', line or '')
        done[name] = {'verdict': what, 'line': re.sub(r', CPU#.*', '', line)}
        pathlib.Path(results).write_text(json.dumps(done, indent=1, ensure_ascii=False) + '\n')
        print(name, what, line, flush=True)


main()
