/**
 * Turns the sources into the JavaScript that is shipped, and runs benchmarks on that: the loader that runs TypeScript directly wraps every
 * function in a call that keeps its name, which in code that makes closures costs more than what is to be measured.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';

const ROOT = join(import.meta.dirname, '../..');
const FOLDERS = ['src', 'bench', 'scripts/services'];

export type CompiledRun = {
  /** What is run, a TypeScript file of the project. */
  readonly entry: string;
  /** Where the compiled files go; it is emptied first. */
  readonly output: string;
};

/** Compiles everything and runs `entry` of it with the same arguments; resolves with its exit code. */
export async function runCompiled({ entry, output }: CompiledRun): Promise<number> {
  const target = join(ROOT, output);
  rmSync(target, { recursive: true, force: true });
  for (const folder of FOLDERS) compileFolder(folder, target);
  writeFileSync(join(target, 'package.json'), '{ "type": "module" }\n');
  const child = spawn(process.execPath, [compiledPath(join(target, entry)), ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

function compileFolder(folder: string, target: string): void {
  for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (!entry.isDirectory()) compile(path, target);
    else if (entry.name !== 'node_modules') compileFolder(path, target);
  }
}

function compile(file: string, target: string): void {
  const source = join(ROOT, file);
  const compiled = compiledPath(join(target, file));
  if (file.endsWith('.mjs')) {
    mkdirSync(dirname(compiled), { recursive: true });
    copyFileSync(source, compiled);
  } else if (file.endsWith('.ts')) {
    mkdirSync(dirname(compiled), { recursive: true });
    const { outputText } = ts.transpileModule(readFileSync(source, 'utf8'), {
      fileName: file,
      compilerOptions: {
        target: ts.ScriptTarget.ES2023,
        module: ts.ModuleKind.ESNext,
        verbatimModuleSyntax: true,
        rewriteRelativeImportExtensions: true,
      },
    });
    writeFileSync(compiled, outputText);
  }
}

function compiledPath(path: string): string {
  return path.replace(/\.ts$/, '.js');
}
