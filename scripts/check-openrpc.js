// Checks that openrpc.yaml, or the file in the first argument, is a valid OpenRPC document and that the examples of each
// method match its schemas.
import { readFileSync } from 'node:fs';
import openrpc from '@open-rpc/meta-schema';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { load } from 'js-yaml';

const document = load(readFileSync(process.argv[2] ?? new URL('../openrpc.yaml', import.meta.url), 'utf8'));
const ajv = new Ajv({ strictRequired: false, strictTypes: false, allErrors: true });
addFormats.default(ajv);
ajv.addVocabulary(['components']);
const problems = [...problemsOfDocument(), ...(document.methods ?? []).flatMap(problemsOfExamples)];
process.stderr.write(problems.map((problem) => `${problem}\n`).join(''));
process.exitCode = problems.length === 0 ? 0 : 1;

function problemsOfDocument() {
  // The meta-schema expects absolute URLs, although OpenRPC allows relative ones with variables.
  const ajv = new Ajv({ strict: false, validateFormats: false });
  // It references its own copies of JSON Schema by URL.
  const jsonSchema = {
    $ref: 'http://json-schema.org/draft-07/schema#',
    definitions: { JSONSchemaObject: { properties: { $ref: { type: 'string' } } } },
  };
  const { $schema: dialect, ...schema } = openrpc.openrpcDocument;
  ajv.addSchema(jsonSchema, 'https://meta.json-schema.tools');
  ajv.addSchema(jsonSchema, dialect);
  const validate = ajv.compile(schema);
  return validate(document) ? [] : [ajv.errorsText(validate.errors, { dataVar: 'document', separator: '\n' })];
}

function problemsOfExamples({ name, params = [], result, examples = [] }) {
  if (examples.length === 0) return [];
  const misfitsOfParams = validator(`${name}: params`, {
    required: params.filter(({ required }) => required).map((param) => param.name),
    additionalProperties: false,
    properties: Object.fromEntries(params.map((param) => [param.name, param.schema])),
  });
  const misfitsOfResult = validator(`${name}: result`, result.schema);
  return examples.flatMap((example) => [
    ...misfitsOfParams(Object.fromEntries(example.params.map((one) => [one.name, one.value]))),
    ...misfitsOfResult(example.result?.value),
  ]);
}

/** Returns the function that lists what the schema says against a value. */
function validator(at, schema) {
  // References in the schema point to the components of the document.
  const validate = ajv.compile({ ...schema, components: document.components });
  return (value) => (validate(value) ? [] : [ajv.errorsText(validate.errors, { dataVar: at, separator: '\n' })]);
}
