#!/usr/bin/env python3
"""Boot a real kernel with every corrupted handover, and write down what it did.

boot-all.py BOOT KERNEL IMAGES RESULTS

BOOT     a script that boots KERNEL with an image: BOOT KERNEL IMAGE --fdt-pa PA --session NAME,TOKEN... --log FILE
IMAGES   the directory of images that `LUO_FDT_CORRUPTIONS=IMAGES swift test --filter CorruptionTests` writes
RESULTS  the file for the results; what it holds already is not booted again
"""
import json, os, pathlib, re, subprocess, sys

SESSIONS = {
    'base': ['alpha,1,2', 'beta,3', 'gamma reserve_mem=65536:4096:testblk'],
    'chain': ['session-00,1,65', 'session-01,100,101', 'session-52'],
}
PANIC = re.compile(r'Kernel panic - not syncing: (.*)')
FAULT = re.compile(r'BUG: (unable to handle page fault for address: \w+|.*)|general protection fault.*')

def verdict(log):
    """What the kernel did, and the line that shows it."""
    lines = [re.sub(r'^\[ *[\d.]+\] ', '', l).strip() for l in log.splitlines()]
    def line(*words): return next((l for l in lines if any(w in l for w in words)), None)
    if line('disabling KHO revival'): return 'ignored', line('KHO: setup', 'failed to get preserved') or line('disabling KHO revival')
    fault = next((l for l in lines if FAULT.search(l)), None)
    panic = next((l for l in lines if PANIC.search(l)), None)
    if panic and 'incoming tree' in panic:
        return 'panic', line('Block ', 'LUO state', 'failed to retrieve LUO') or panic
    if fault or panic: return 'crash', fault or panic
    failed = line('PROOF open -1')
    if failed:
        return 'open-fails', next((l for l in lines if re.search(r'Block |File count|No registered|Failed to', l)), failed)
    if not line('PROOF DONE'): return 'hang', lines[-1] if lines else ''
    asked = [l for l in lines if re.match(r'PROOF session .* (ok|errno)', l)]
    if asked and all(l.endswith('errno 2') for l in asked): return 'no-sessions', asked[0]
    problem = next((l for l in lines if re.search(r'PROOF (file|session) .* errno [1-9]', l)), None)
    if problem: return 'partly', problem
    warning = line('WARNING:', 'kexec-metadata', 'has wrong', 'is incompatible', 'failed to retrieve FDT')
    files = [l for l in lines if re.match(r'PROOF (file|session)', l)]
    return 'accepted', warning or (files[0] if files else '')

def main():
    boot, kernel, images, results = sys.argv[1:]
    recipes = json.loads((pathlib.Path(__file__).parent / 'recipes.json').read_text())
    done = json.loads(pathlib.Path(results).read_text()) if os.path.exists(results) else {}
    for recipe in recipes:
        name = recipe['name']
        if name in done: continue
        log = pathlib.Path(images) / (name + '.log')
        log.unlink(missing_ok=True)
        args = [a for s in SESSIONS[recipe['base']] for a in ('--session', s)]
        subprocess.run([sys.executable, boot, kernel, str(pathlib.Path(images) / (name + '.elf')), '--fdt-pa', '0x10000000', '--log', str(log)] + args, stdout=subprocess.DEVNULL)
        text = log.read_bytes().decode(errors='replace')
        what, line = verdict(text)
        proof = [l.strip() for l in text.splitlines() if l.startswith('PROOF') or 'PROOF' in l]
        done[name] = {'verdict': what, 'line': line, 'proof': proof}
        pathlib.Path(results).write_text(json.dumps(done, indent=1) + '\n')
        print(name, what, line, flush=True)

main()
