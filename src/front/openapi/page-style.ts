import { createHash } from 'node:crypto';

/** The page's style sheet. It holds nothing that HTML would have to escape, so it stands in `<style>` as it is. */
export const STYLE = `
:root { color-scheme: light dark; --ink: #1c2024; --soft: #596068; --paper: #fff; --panel: #f4f5f7; --line: #dcdfe3; --link: #0b57c2; --get: #0a6b3d; --post: #8a4b00; --head: #596068; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e6e9; --soft: #9aa2ab; --paper: #131518; --panel: #1d2024; --line: #33383e; --link: #86b4ff; --get: #69d39c; --post: #f0b35f; --head: #9aa2ab; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; max-width: 78rem; padding: 0 1.25rem 4rem; background: var(--paper); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; }
code, pre { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .875em; }
a { color: var(--link); text-underline-offset: .15em; }
h1 { margin: 2rem 0 0; font-size: 2rem; }
h2 { margin: 3rem 0 .5rem; font-size: 1.5rem; }
h3 { margin: 0 0 .25rem; font-size: 1.1rem; overflow-wrap: anywhere; }
h4 { margin: 1.25rem 0 .35rem; font-size: .8rem; letter-spacing: .06em; text-transform: uppercase; color: var(--soft); }
p { margin: .4rem 0; max-width: 46rem; }
.summary { font-weight: 600; }
.needs { color: var(--soft); font-size: .9rem; }
article { margin: 1.5rem 0; padding: 1.25rem; border: 1px solid var(--line); border-radius: .5rem; }
pre { margin: .35rem 0; padding: .8rem 1rem; background: var(--panel); border-radius: .35rem; line-height: 1.45; white-space: pre-wrap; overflow-wrap: anywhere; }
td code, p code, li code { overflow-wrap: anywhere; }
table { width: 100%; border-collapse: collapse; font-size: .92rem; }
th { text-align: left; font-weight: 600; color: var(--soft); font-size: .8rem; }
th, td { padding: .45rem .9rem .45rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td:first-child { width: 30%; }
td:nth-child(2):not(:last-child) { width: 26%; }
.answers td:first-child { width: 4rem; }
.required, .place, .default { font-size: .78rem; color: var(--soft); white-space: nowrap; }
.required { color: var(--post); }
.method { display: inline-block; font: 600 .72rem/1.4 ui-monospace, Menlo, Consolas, monospace; color: var(--head); }
.method.get { color: var(--get); }
.method.post { color: var(--post); }
h3 .method { margin-right: .35rem; font-size: .95rem; }
details { margin: .35rem 0; }
summary { cursor: pointer; color: var(--link); }
nav { font-size: .88rem; }
nav h2 { margin: 1.1rem 0 .2rem; font-size: .8rem; letter-spacing: .06em; text-transform: uppercase; color: var(--soft); }
nav ul { margin: 0; padding: 0; list-style: none; }
nav li { padding: .12rem 0; overflow-wrap: anywhere; }
nav a { display: flex; color: inherit; text-decoration: none; }
nav a:hover, nav a:focus-visible { text-decoration: underline; }
nav .method { flex: 0 0 2.6rem; line-height: 1.9; }
:target { outline: 2px solid var(--link); outline-offset: 2px; }
main > section:first-child h2 { margin-top: 1rem; }
@media (max-width: 60rem) { nav { columns: 10rem auto; margin-top: 1.5rem; } }
@media (min-width: 60rem) {
  .columns { display: grid; grid-template-columns: 16rem minmax(0, 1fr); gap: 2.5rem; }
  nav { position: sticky; top: 0; align-self: start; max-height: 100vh; overflow-y: auto; padding: 1.2rem 0; }
}
@media (max-width: 40rem) {
  article { padding: 1rem; }
  thead { display: none; }
  tr { display: block; padding: .5rem 0; border-bottom: 1px solid var(--line); }
  td, td:first-child, td:nth-child(2):not(:last-child), .answers td:first-child { display: block; width: auto; padding: .1rem 0; border: 0; }
}
@media print { nav { display: none; } article { break-inside: avoid; border: 0; padding: 0; } }
`;

/** The one style that the page's Content-Security-Policy allows. */
export const STYLE_HASH = `sha256-${createHash('sha256').update(STYLE).digest('base64')}`;
