import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

// Served by Relevo under a Content-Security-Policy of 'self' alone: nothing may be inlined as a script, a style or a data: URL.
export default defineConfig({
  plugins: [svelte()],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  // `npm run dev` talks to a Relevo on this machine.
  server: { proxy: { '/api': process.env.RELEVO_URL ?? 'http://127.0.0.1:8080' } },
});
