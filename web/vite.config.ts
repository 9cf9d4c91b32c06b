import { svelte } from '@sveltejs/vite-plugin-svelte';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { defineConfig, type Plugin } from 'vite';

// Which packages the console carries goes beside its folder, for tools/check_licences: what was left out of the files owes nothing.
function carried_packages(): Plugin {
  return {
    name: 'carried-packages',
    async writeBundle(options, bundle) {
      const names = new Set<string>();
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== 'chunk') continue;
        for (const [id, module] of Object.entries(chunk.modules)) {
          const name = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules)/.exec(id)?.[1];
          if (name && (module.renderedLength > 0 || id.includes('.css'))) names.add(name);
        }
      }
      await writeFile(join(dirname(options.dir ?? 'dist'), 'packages.json'), JSON.stringify([...names].sort(), null, 1) + '\n');
    },
  };
}

// Served by Relevo under a Content-Security-Policy of 'self' alone: nothing may be inlined as a script, a style or a data: URL.
export default defineConfig({
  plugins: [svelte(), carried_packages()],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  // `npm run dev` talks to a Relevo on this machine.
  server: { proxy: { '/api': process.env.RELEVO_URL ?? 'http://127.0.0.1:8080' } },
});
