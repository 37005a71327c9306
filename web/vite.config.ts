import { defineConfig } from 'vite';

const fromHere = (path: string): string => new URL(path, import.meta.url).pathname;

/** Builds the dashboard to `dist/web`, from where the node serves it. */
export default defineConfig({
  root: import.meta.dirname,
  // What is built for a test is what is shipped: else libraries give their development builds there, which are twice as large.
  resolve: {
    conditions: ['module', 'browser', 'production'],
    alias: { 'tampines/client': fromHere('../src/client/gateway-client.ts') },
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact', development: false } },
  build: {
    outDir: fromHere('../dist/web'),
    emptyOutDir: true,
    target: 'es2023',
    // The policy of the page lets nothing in but files of the node: neither scripts nor images inside of others.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
