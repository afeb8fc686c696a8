extension Markup {
    /// The style sheet of the page: light or dark as the reader prefers, and plain in print.
    static let pageStyle: Markup = """
        :root { color-scheme: light dark; --text: #1b1f24; --faint: #59636e; --page: #fff; --box: #f4f6f8; \
        --line: #c9d1d9;
          --link: #0757b8; --good: #1a6b36; --bad: #a8231b; --root: #7a3fb5; --luo: #0f6cbd; --map: #6b7785; \
        --contents: #1f883d;
          --region: #b35c00; --preserved: #a9b2bb; --scratch: #cf3f6c; }
        @media (prefers-color-scheme: dark) {
          :root { --text: #e2e7ed; --faint: #98a4b0; --page: #12161b; --box: #1c222a; --line: #3a434e; --link: #79b8ff;
            --good: #5fd083; --bad: #ff8b81; --root: #c198f0; --luo: #6cb6ff; --map: #8b97a4; --contents: #56c271;
            --region: #f0a04b; --preserved: #56606b; --scratch: #ff86ab; } }
        body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); margin: 0 auto; \
        padding: 1.5rem;
          max-width: 64rem; }
        h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; \
        border-bottom: 1px solid var(--line); }
        h1, h2, td, p, dd { overflow-wrap: anywhere; }
        a { color: var(--link); } .faint { color: var(--faint); } \
        code, pre, .address { font-family: ui-monospace, monospace; font-size: .87em; }
        nav a { margin-right: 1rem; }
        .verdict { border-left: .4rem solid var(--bad); background: var(--box); padding: .7rem 1rem; margin: 1rem 0; }
        .verdict.good { border-color: var(--good); } .verdict strong { font-size: 1.3rem; }
        dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: 0; } \
        dt { color: var(--faint); } dd { margin: 0; }
        table { border-collapse: collapse; width: 100%; } th { text-align: left; color: var(--faint); \
        font-weight: normal; }
        th, td { padding: .2rem .8rem .2rem 0; vertical-align: top; border-bottom: 1px solid var(--line); }
        td.number { text-align: right; white-space: nowrap; } tr.session td { font-weight: 600; \
        background: var(--box); }
        .finding { border: 1px solid var(--line); border-left: .3rem solid var(--bad); padding: .5rem .8rem; \
        margin: .6rem 0; break-inside: avoid; }
        .finding.note { border-left-color: var(--map); } .finding.warning { border-left-color: var(--region); }
        .finding p { margin: .2rem 0; }
        .gap { color: var(--faint); text-align: center; margin: .3rem 0; } figure { margin: 0; break-inside: avoid; }
        figcaption { font-size: .87em; display: flex; justify-content: space-between; gap: 1rem; }
        svg { display: block; width: 100%; } .bar { height: 2.2rem; background: var(--box); \
        border: 1px solid var(--line); box-sizing: border-box; }
        .legend span { white-space: nowrap; margin-right: 1.2rem; } .legend i { display: inline-block; width: .8rem; \
        height: .8rem; margin-right: .35rem; }
        .root { fill: var(--root); stroke: var(--root); background: var(--root); } \
        .luo { fill: var(--luo); stroke: var(--luo); background: var(--luo); }
        .map { fill: var(--map); stroke: var(--map); background: var(--map); } \
        .contents { fill: var(--contents); stroke: var(--contents); background: var(--contents); }
        .region { fill: var(--region); stroke: var(--region); background: var(--region); }
        .preserved { fill: var(--preserved); stroke: var(--preserved); background: var(--preserved); }
        .scratch { fill: var(--scratch); stroke: var(--scratch); background: var(--scratch); } \
        .bar rect { stroke: none; }
        .graph rect { fill: var(--box); stroke-width: 1.5; } .graph path { fill: none; stroke: var(--line); \
        stroke-width: 1.5; }
        .graph text { fill: var(--text); stroke: none; font: 13px ui-monospace, monospace; } \
        .graph a text { fill: var(--link); }
        .graph .place { text-anchor: end; fill: var(--faint); }
        details { border-bottom: 1px solid var(--line); } summary { cursor: pointer; } \
        details:target { background: var(--box); }
        pre { overflow-x: auto; margin: .4rem 0; line-height: 1.35; }
        @media print { body { max-width: none; padding: 0; font-size: 10pt; } \
        nav, details:not([open]), #bytes { display: none; }
          * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } \
        a { color: inherit; text-decoration: none; } }
        """
}
