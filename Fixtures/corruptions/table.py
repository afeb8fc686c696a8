#!/usr/bin/env python3
"""Print docs/corruptions.md: each corrupted handover, what `luo-fdt check` says of it, and what a real kernel did.

table.py LUO-FDT IMAGES [RESULTS]
"""
import json, pathlib, subprocess, sys

here = pathlib.Path(__file__).parent
tool, images = sys.argv[1:3]
kernel = json.loads(pathlib.Path(sys.argv[3] if len(sys.argv) > 3 else here / 'kernel-7.3.json').read_text())
recipes = json.loads((here / 'recipes.json').read_text())
AGREES = {
    'accepted': {'accepted'}, 'no-sessions': {'accepted', 'partly'}, 'partly': {'partly'}, 'open-fails': {'open-fails'},
    'panic': {'panic'}, 'ignored': {'ignored'}, 'crash': set(), 'hang': set(),
}
rows, exact, open_ended, wrong = [], 0, 0, []
for recipe in recipes:
    name = recipe['name']
    out = subprocess.run([tool, 'check', '--kernel', '7.3', '--fdt-pa', '0x10000000', '--format', 'json', f'{images}/{name}.elf'], capture_output=True, text=True)
    check = json.loads(out.stdout)[0]
    rules = []
    for finding in check['findings']:
        rule = finding['rule'] + (f" ({finding['errno']})" if 'errno' in finding else '')
        if finding['severity'] != 'note' and rule not in rules: rules.append(rule)
    found = kernel[name]
    if check['verdict'] in AGREES[found['verdict']]: exact += 1
    elif check['verdict'] == 'unchecked': open_ended += 1
    else: wrong.append(name)
    cell = lambda text: text.replace('|', '\\|')
    line = f"`{cell(found['line'])}`" if found['line'] else ''
    rows.append(f"| {name} | {cell(recipe['summary'])} | {check['verdict']} | {', '.join(rules)} | {found['verdict']} | {line} |")
print(f"""# Corrupted handovers: `check` and a real kernel

{len(recipes)} handovers, built from the recipes in `Fixtures/corruptions` and booted with a kernel 7.3.4 (x86_64, QEMU). The \
kernel's verdict is taken from its log and from what its init could retrieve; the last column has the line that decides.

- *crash*: a page fault or another fault; *hang*: nothing came any more; *no-sessions*: the boot went on as if there were \
no sessions. The others are `check`'s own words.
- `check` and the kernel agree where the words are the same, and where `check` says *accepted* or *partly* of a handover in \
which the kernel finds no sessions. *unchecked* says that the kernel does not look: whatever it then does is no \
contradiction.
- The kernel has three test FLBs; their state, the files' contents and the `reserve_mem` region are held against those of \
the sound handover.

{exact} agree; of {open_ended} `check` says *unchecked*; {len(wrong)} disagree{': ' + ', '.join(wrong) if wrong else ''}.

| name | what is wrong | `check` | rules | kernel | its log |
| --- | --- | --- | --- | --- | --- |""")
print('\n'.join(rows))
print("""
To run it again:

    LUO_FDT_CORRUPTIONS=DIRECTORY swift test --filter CorruptionTests
    Fixtures/corruptions/boot-all.py BOOT KERNEL DIRECTORY Fixtures/corruptions/kernel-7.3.json
    Fixtures/corruptions/table.py luo-fdt DIRECTORY > docs/corruptions.md""")
