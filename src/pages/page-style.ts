/** The style of all pages. Text has a contrast of at least 4.5 : 1 in both themes. */
export const STYLE = `
:root{color-scheme:light dark;--paper:#fff;--ink:#1f2328;--quiet:#59636e;--line:#d1d9e0;--accent:#0550ae;--shade:#f6f8fa}
@media (prefers-color-scheme:dark){:root{--paper:#0d1117;--ink:#e6edf3;--quiet:#9198a1;--line:#3d444d;--accent:#6cb6ff;--shade:#161b22}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
a{color:var(--accent)}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.skip{position:absolute;left:-100vw}
.skip:focus{left:1rem;top:.5rem;background:var(--paper);padding:.25rem .5rem}
header{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;align-items:center;justify-content:space-between;padding:.75rem 1rem;border-bottom:1px solid var(--line)}
.home{font-weight:600;text-decoration:none}
.reader{display:flex;flex-wrap:wrap;gap:.25rem .75rem;align-items:center;color:var(--quiet);font-size:.875rem}
main{max-width:72rem;margin:0 auto;padding:1rem}
h1{font-size:1.6rem;line-height:1.25;margin:.5rem 0 1rem}
h2{font-size:1.2rem;margin:2rem 0 .5rem;padding-bottom:.25rem;border-bottom:1px solid var(--line)}
h3{font-size:1rem;margin:1rem 0 .25rem}
.quiet,h1 .key,h3 .key{color:var(--quiet);font-weight:400}
span.status{display:inline-block;padding:0 .5rem;border:1px solid var(--line);border-radius:1rem;font-size:.875rem;white-space:nowrap}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(10rem,1fr));gap:.75rem 1.5rem;margin:0}
dt{color:var(--quiet);font-size:.875rem}
dd{margin:0}
ul,ol{padding-left:1.25rem;margin:.25rem 0}
li{margin:.25rem 0}
.description{white-space:pre-wrap}
.scroll{overflow:auto;max-height:80vh;border:1px solid var(--line);border-radius:.5rem}
.scroll svg{display:block}
pre{margin:.5rem 0;padding:.75rem;overflow:auto;background:var(--shade);border:1px solid var(--line);border-radius:.5rem;font:13px/1.5 ui-monospace,monospace;user-select:all}
pre.example{white-space:pre-wrap;overflow:visible}
dl.index{flex:1 1 100%;grid-template-columns:repeat(auto-fill,minmax(15rem,1fr))}
.index a{display:block;padding:.125rem 0}
dl.facts{display:block;margin:.5rem 0}
.facts>div{display:flex;flex-wrap:wrap;gap:0 1rem}
.facts dt{width:9rem;line-height:1.7}
.facts dd{flex:1 1 15rem}
pre.json{max-height:60vh;white-space:pre-wrap}
summary{cursor:pointer}
form.sign-in,form.fields{display:grid;gap:.75rem;max-width:28rem}
form.sign-in label,form.fields label{display:grid;gap:.25rem}
form.find,form.acts,form.acts fieldset{display:flex;flex-wrap:wrap;gap:.5rem .75rem;align-items:end}
form.acts,form.acts fieldset{align-items:center}
form.find label{display:grid;gap:.25rem}
form label.check{display:flex;gap:.5rem;align-items:center}
form .check input{width:1.25rem;height:1.25rem;margin:0}
fieldset{margin:0;padding:0;border:0;min-width:0}
nav{display:flex;flex-wrap:wrap;gap:.5rem 1.25rem}
nav a[aria-current]{color:var(--ink);font-weight:600;text-decoration:none;border-bottom:2px solid var(--accent)}
.rows{list-style:none;padding:0}
.rows>li{display:flex;flex-wrap:wrap;gap:.5rem 1.5rem;align-items:center;justify-content:space-between;margin:0;padding:.75rem 0;border-bottom:1px solid var(--line)}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
code{font:.875em ui-monospace,monospace}
input,button,select{max-width:100%;font:inherit;padding:.4rem .75rem;border:1px solid var(--quiet);border-radius:.375rem;background:var(--paper);color:var(--ink)}
button{cursor:pointer;background:var(--shade)}
.reader button{padding:.1rem .6rem;font-size:.875rem}
.notice{padding:.75rem;border:1px solid var(--line);border-left:4px solid #1a7f37;border-radius:.375rem;background:var(--shade)}
.problem{padding:.75rem;border:1px solid var(--line);border-left:4px solid #cf222e;border-radius:.375rem;background:var(--shade)}
`;
