/** Which parts of an Avro schema values use: every branch of a union, every symbol, arrays with and without items, both truths. */

type Named = Map<string, unknown>;

/** Returns every path that a value of the schema could take. */
export function allPaths(schema: unknown): Set<string> {
  const found = new Set<string>();
  walkSchema(schema, '', new Map(), found);
  return found;
}

/** Returns the paths that this value takes; it is one that Avro read with the schema. */
export function pathsOf(schema: unknown, value: unknown): Set<string> {
  const found = new Set<string>();
  const names: Named = new Map();
  walkSchema(schema, '', names, new Set());
  walkValue(schema, value, '', names, found);
  return found;
}

type RecordSchema = { readonly type: 'record'; readonly name: string; readonly fields: readonly Field[] };
type Field = { readonly name: string; readonly type: unknown };
type Complex = RecordSchema | { readonly type: 'array'; readonly items: unknown } | Enumeration;
type Enumeration = { readonly type: 'enum'; readonly name: string; readonly symbols: readonly string[] };

function walkSchema(schema: unknown, path: string, names: Named, found: Set<string>): void {
  if (Array.isArray(schema)) {
    for (const branch of schema) {
      found.add(`${path}|${nameOf(branch)}`);
      walkSchema(branch, `${path}|${nameOf(branch)}`, names, found);
    }
  } else if (schema === 'boolean') {
    found.add(`${path}=true`).add(`${path}=false`);
  } else if (typeof schema === 'string') {
    if (names.has(schema)) walkSchema(names.get(schema), path, names, found);
  } else {
    const complex = schema as Complex;
    if (complex.type === 'array') {
      found.add(`${path}[empty]`).add(`${path}[items]`);
      walkSchema(complex.items, `${path}[]`, names, found);
    } else if (complex.type === 'enum') {
      names.set(complex.name, complex);
      for (const symbol of complex.symbols) found.add(`${path}=${symbol}`);
    } else {
      names.set(complex.name, complex);
      for (const { name, type } of complex.fields) walkSchema(type, `${path}.${name}`, names, found);
    }
  }
}

function walkValue(schema: unknown, value: unknown, path: string, names: Named, found: Set<string>): void {
  if (Array.isArray(schema)) {
    const branch: unknown = schema.find((each) => isOfBranch(each, value));
    found.add(`${path}|${nameOf(branch)}`);
    const inner =
      isRecord(branch, names) && isWrapped(branch, value)
        ? Object.values(value as Readonly<Record<string, unknown>>)[0]
        : value;
    walkValue(branch, inner, `${path}|${nameOf(branch)}`, names, found);
  } else if (schema === 'boolean') {
    found.add(`${path}=${String(value)}`);
  } else if (typeof schema === 'string') {
    if (names.has(schema)) walkValue(names.get(schema), value, path, names, found);
  } else {
    const complex = schema as Complex;
    if (complex.type === 'array') {
      const items = value as readonly unknown[];
      found.add(`${path}[${items.length === 0 ? 'empty' : 'items'}]`);
      for (const item of items) walkValue(complex.items, item, `${path}[]`, names, found);
    } else if (complex.type === 'enum') {
      found.add(`${path}=${String(value)}`);
    } else {
      const fields = value as Readonly<Record<string, unknown>>;
      for (const { name, type } of complex.fields) {
        walkValue(type, fields[name], `${path}.${name}`, names, found);
      }
    }
  }
}

function nameOf(schema: unknown): string {
  return typeof schema === 'string' ? schema : (schema as { name: string }).name;
}

function isRecord(schema: unknown, names: Named): boolean {
  const resolved = typeof schema === 'string' ? names.get(schema) : schema;
  return (resolved as { type?: unknown } | undefined)?.type === 'record';
}

/** Avro wraps a record in a union of several: an object with the full name of the record as its only key. */
function isWrapped(schema: unknown, value: unknown): boolean {
  const keys = Object.keys(value as object);
  return keys.length === 1 && keys[0]!.endsWith(nameOf(schema));
}

function isOfBranch(schema: unknown, value: unknown): boolean {
  if (schema === 'null') return value === null;
  if (schema === 'string') return typeof value === 'string';
  if (schema === 'long' || schema === 'int') return typeof value === 'number';
  if (typeof value !== 'object' || value === null) return false;
  const [key = ''] = Object.keys(value);
  return !key.startsWith('tampines.') || key === `tampines.${nameOf(schema)}`;
}
