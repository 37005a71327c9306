/**
 * Turns the sources into the JavaScript that is shipped, and runs the benchmarks on that: the loader that runs TypeScript directly wraps every
 * function in a call that keeps its name, which in code that makes closures costs more than what is to be measured.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';

const ROOT = join(import.meta.dirname, '../..');
const OUTPUT = join(ROOT, 'node_modules/.cache/tampines-bench');
const FOLDERS = ['src', 'bench', 'scripts/services'];

/** Compiles everything and runs `bench/run.js` of it with the same arguments; resolves with its exit code. */
export async function runCompiled(): Promise<number> {
  rmSync(OUTPUT, { recursive: true, force: true });
  for (const folder of FOLDERS) {
    for (const file of readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })) {
      compile(join(folder, file));
    }
  }
  writeFileSync(join(OUTPUT, 'package.json'), '{ "type": "module" }\n');
  const child = spawn(process.execPath, [join(OUTPUT, 'bench/run.js'), ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

function compile(file: string): void {
  const target = join(OUTPUT, file);
  if (file.endsWith('.mjs')) {
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(join(ROOT, file), target);
  } else if (file.endsWith('.ts')) {
    mkdirSync(dirname(target), { recursive: true });
    const { outputText } = ts.transpileModule(readFileSync(join(ROOT, file), 'utf8'), {
      fileName: file,
      compilerOptions: {
        target: ts.ScriptTarget.ES2023,
        module: ts.ModuleKind.ESNext,
        verbatimModuleSyntax: true,
        rewriteRelativeImportExtensions: true,
      },
    });
    writeFileSync(target.replace(/\.ts$/, '.js'), outputText);
  }
}
