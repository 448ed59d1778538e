import { z } from 'zod';
import { configSchema } from './schema.ts';

type JsonSchema = Partial<z.core.JSONSchema.BaseSchema>;

/** The JSON Schema of the configuration file, for editors. */
export function describeAsJsonSchema(): JsonSchema {
  return z.toJSONSchema(configSchema, {
    io: 'input',
    override: ({ jsonSchema }) => {
      // `${NAME}` may stand for any text, so an editor must not call it wrong. Called again for a schema within a schema.
      if (jsonSchema.pattern !== undefined && !jsonSchema.pattern.endsWith(reference))
        jsonSchema.pattern = `${jsonSchema.pattern}${reference}`;
    },
  });
}

const reference = '|\\$\\{';

const introduction = `# Configuration

<!-- Made from the code by \`npm run generate\`; change the descriptions in src/*/config.ts instead. -->

One YAML 1.2 file: \`--config FILE\`, else \`$SALLYPORT_CONFIG\`, else \`./config/sallyport.yaml\`, else \`/etc/sallyport/sallyport.yaml\`.
Everything has a default except \`routes\`. The shortest configuration that works:

\`\`\`yaml
routes:
  - upstream: http://127.0.0.1:3000
\`\`\`

- **Strict.** An unknown key, a key given twice, a value of the wrong kind: the gateway does not start and names file, line, column and the
  nearest known key, every fault at once. \`sallyport check\` does the same without starting.
- **Values from outside.** \`\${NAME}\`, \`\${NAME:-default}\` and \`\${file:/path}\` stand anywhere in a text value; a missing one is a fault. A file
  loses one newline at its end. \`$\${\` is a plain \`\${\`.
- **Durations** are written \`250ms\`, \`30s\`, \`15m\`, \`12h\`, \`30d\`. **Relative paths** start from the file.
- **Reload.** On \`SIGHUP\` and when the file or one that it names changes. A faulty file changes nothing and the log says why.
- **Unsafe settings** are named in a warning at every start.
- Editors check the file with the JSON Schema from \`sallyport schema\`: \`# yaml-language-server: $schema=sallyport.schema.json\`
`;

/** The reference page of the documentation: a section a top-level key, a row a setting. */
export function describeAsMarkdown(): string {
  const sections = Object.entries(describeAsJsonSchema().properties ?? {}).map(([name, section]) => {
    const schema = asSchema(section);
    const rows = rowsOf(objectsIn(schema), '');
    const about = schema.description === undefined ? '' : `\n${schema.description}\n`;
    return `\n## ${name}\n${about}\n| key | type | default | description |\n|---|---|---|---|\n${rows.join('\n')}\n`;
  });
  return introduction + sections.join('');
}

/** Rows for the keys of a mapping; of several variants of one mapping each key is told once. */
function rowsOf(variants: readonly JsonSchema[], prefix: string): readonly string[] {
  const told = new Set<string>();
  const shapes = new Map<string, string>();
  return variants.flatMap((variant) =>
    Object.entries(variant.properties ?? {}).flatMap(([key, property]) => {
      if (told.has(key)) return [];
      told.add(key);
      const schema = asSchema(property);
      const required = variants.length === 1 && (variant.required?.includes(key) ?? false);
      const inner = objectsIn(schema);
      const shape = inner.length === 0 ? '' : JSON.stringify(inner);
      const twin = shape === '' ? undefined : shapes.get(shape);
      shapes.set(shape, key);
      const about = [schema.description, twin && `Keys as in \`${twin}\`.`].filter(Boolean).join(' ');
      const row = `| \`${prefix}${key}\` | ${cell(typeOf(schema))} | ${defaultOf(schema, required)} | ${cell(about)} |`;
      const below = `${prefix}${key}${canBeObject(schema) ? '' : '[]'}.`;
      const nested = twin === undefined ? rowsOf(inner, below) : [];
      return schema.properties && schema.description === undefined ? nested : [row, ...nested];
    }),
  );
}

/** Mappings with known keys that a value can be, or be a list of. */
function objectsIn(schema: JsonSchema): readonly JsonSchema[] {
  if (schema.properties) return [schema];
  const variants = [...(schema.anyOf ?? []), ...(schema.type === 'array' ? [schema.items] : [])];
  const found = variants.flatMap((variant) => objectsIn(asSchema(variant)));
  return [...new Map(found.map((object): [string, JsonSchema] => [JSON.stringify(object), object])).values()];
}

function canBeObject(schema: JsonSchema): boolean {
  return schema.properties !== undefined || (schema.anyOf ?? []).some((variant) => canBeObject(asSchema(variant)));
}

function typeOf(schema: JsonSchema): string {
  if (schema.title !== undefined) return schema.title;
  if (schema.const !== undefined) return code(schema.const);
  if (schema.enum) return schema.enum.map(code).join(', ');
  if (schema.anyOf) return typeOfVariants(schema.anyOf.map(asSchema));
  if (schema.type === 'array') return `list of ${typeOf(asSchema(schema.items))}`;
  if (schema.type === 'object' && !schema.properties && schema.additionalProperties)
    return `map of name to ${typeOf(asSchema(schema.additionalProperties))}`;
  if (schema.type === 'string') return 'text';
  return schema.type === 'object' ? 'mapping' : String(schema.type ?? 'any');
}

function typeOfVariants(variants: readonly JsonSchema[]): string {
  const types = variants.filter((variant) => variant.type !== 'null').map(typeOf);
  const [first] = types;
  if (types.length === 2 && types[1] === `list of ${first}`) return `${first}, or a list`;
  return [...new Set(types)].join(' or ');
}

function defaultOf(schema: JsonSchema, required: boolean): string {
  if (required) return '**required**';
  const value: unknown = schema.default;
  return value === undefined || value === '' || (typeof value === 'object' && JSON.stringify(value) === '{}')
    ? ''
    : code(value);
}

function code(value: unknown): string {
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function asSchema(value: unknown): JsonSchema {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
