// Lists what the components of the console say: {"keys": used ones, "stems": beginnings of composed ones, "bare": text that is in
// no catalogue, with its place}. Read by test_texts.py.
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const web = fileURLToPath(new URL('../../web', import.meta.url));
const { parse } = createRequire(join(web, 'package.json'))('svelte/compiler');

const spoken = ['placeholder', 'title', 'aria-label', 'alt', 'label', 'text', 'about', 'hint', 'action', 'what'];
const letters = /\p{L}{2}/u;
const found = { keys: [], stems: [], bare: [] };

// Names that are the same everywhere, and examples of what is typed.
const is_name = (text) => /^(Relevo|· Relevo|CNAME|CSV|PNG|relevo user setup-link|[\w.-]+\.(com|org)|[\d./]+)$/.test(text.trim());

// The keys of all literal and template strings in a piece of script, wherever they are handed on.
function read_script(source) {
  for (const [, key] of source.matchAll(/['"`]([a-z_]+(?:\.[\w ]+)+)['"`]/g)) if (!key.endsWith('.csv')) found.keys.push(key);
  for (const [, stem] of source.matchAll(/`([a-z_]+\.(?:[a-z]+_)?)\$\{/g)) found.stems.push(stem);
  for (const [, stem] of source.matchAll(/\bword\('([a-z_.]+)'/g)) found.stems.push(`${stem}.`);
}

function walk(node, inside, place) {
  if (!node || typeof node !== 'object') return;
  if (Array.isArray(node)) return node.forEach((one) => walk(one, inside, place));
  if (node.type === 'Text' && letters.test(node.data) && !is_name(node.data)) {
    const is_said = inside === undefined || spoken.includes(inside);
    if (is_said) found.bare.push(`${place}: ${node.data.trim()}`);
  }
  for (const [name, value] of Object.entries(node)) {
    if (name === 'css' || name === 'instance' || name === 'module' || name === 'parent') continue;
    const attribute = node.type === 'Attribute' ? node.name : inside;
    walk(value, attribute, place);
  }
}

for (const entry of readdirSync(join(web, 'src'), { recursive: true })) {
  const path = join(web, 'src', entry);
  if (!/\.(svelte|ts)$/.test(path) || path.endsWith('.d.ts')) continue;
  const source = readFileSync(path, 'utf8');
  read_script(source);
  if (path.endsWith('.svelte')) walk(parse(source, { modern: true }).fragment, undefined, relative(web, path));
}
process.stdout.write(JSON.stringify(found));
