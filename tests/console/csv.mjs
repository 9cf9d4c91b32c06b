// Makes a CSV file as the console does, of rows given as JSON.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

const require = createRequire(new URL('../../web/package.json', import.meta.url));
const source = await readFile(new URL('../../web/src/save.ts', import.meta.url), 'utf8');
const { code } = require('esbuild').transformSync(source, { loader: 'ts', format: 'esm' });
const { csv_text } = await import(`data:text/javascript;base64,${Buffer.from(code).toString('base64')}`);
const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
process.stdout.write(csv_text(JSON.parse(Buffer.concat(chunks).toString())));
