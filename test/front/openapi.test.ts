import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, test } from 'vitest';
import * as events from '../../actors/event.ts';
import { ROUTES } from '../../src/front/app.ts';
import { SentDefinition } from '../../src/front/definitions.ts';
import { openApiDocument } from '../../src/front/openapi/document.ts';
import { isKey, newKey } from '../../src/log/key.ts';
import { catalogue } from '../../src/tasks/catalogue.ts';
import { callsOf, PUBLIC_URL, published, violations } from './openapi-support.ts';

interface ObjectSchema {
  readonly required: readonly string[];
  readonly properties: Readonly<Record<string, object>>;
}

const document = openApiDocument(catalogue, PUBLIC_URL);
const calls = callsOf(document);
const schemaOf = (name: string): ObjectSchema => document.components.schemas[name] as ObjectSchema;

describe('The document', () => {
  test('is valid OpenAPI 3.1, and the validator can tell', async () => {
    const validator = new Validator();
    expect(await validator.validate({ ...published() })).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
    const { info: _, ...untitled } = published();
    expect(await validator.validate(untitled)).toMatchObject({ valid: false });
    const dangling = JSON.parse(JSON.stringify(document).replaceAll('schemas/Status"', 'schemas/Nothing"'));
    expect(await validator.validate(dangling)).toMatchObject({ valid: false });
  });

  test('describes every route of the app with every method, and nothing else', () => {
    const routes = Object.entries(ROUTES).flatMap(([path, route]) =>
      Object.keys(route).map((method) => `${method} ${path}`),
    );
    const template = /\{[^{}]+\}(\/\{[^{}]+\})*$/;
    expect(calls.map(({ name }) => name.replace(template, '')).sort()).toEqual(routes.sort());
  });

  test('names each call once, and describes each part of each path', () => {
    const ids = calls.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { name, path, operation } of calls) {
      const inPath = operation.parameters?.filter(
        (parameter) => parameter.in === 'path' && parameter.required,
      );
      expect(inPath?.map((parameter) => parameter.name) ?? [], name).toEqual(
        [...path.matchAll(/\{([^{}]+)\}/g)].map(([, part]) => part),
      );
    }
  });

  test('uses groups and security schemes that it has', () => {
    const groups = new Set(document.tags.map(({ name }) => name));
    const schemes = new Set(Object.keys(document.components.securitySchemes));
    for (const { name, operation } of calls) {
      expect(groups, name).toContain(operation.tags[0]);
      for (const scheme of operation.security.flatMap((choice) => Object.keys(choice)))
        expect(schemes, name).toContain(scheme);
    }
  });

  test('asks for credentials where the contract does, and for a secret where an API key does not suffice', () => {
    const needing = (scheme: string) =>
      calls
        .filter(({ operation }) => operation.security.some((choice) => scheme in choice))
        .map(({ path }) => path.replace('/{filename}', ''));
    const creates = ['/v1/create', '/v1/create_stream', '/v1/create_file'];
    expect(new Set(needing('apiKeyInHeader'))).toEqual(new Set(creates));
    expect(new Set(needing('secretInHeader'))).toEqual(
      new Set([...creates, '/v1/cancel', '/v1/history', '/v1/history_stream']),
    );
  });
});

describe('The schemas', () => {
  test.each([...catalogue.values()])('of the task $name are the objects that validate', (definition) => {
    const sent = schemaOf(definition.name);
    // What validates asks for the default that lies inside these.
    for (const [name, schema] of Object.entries(definition.parameters.properties))
      if (name !== 'sizes') expect(sent.properties[name], name).toBe(schema);
    const { properties } = definition.result as unknown as { properties?: object };
    for (const [name, schema] of Object.entries(properties ?? {}))
      expect(schemaOf(`${definition.name}.result`).properties[name], name).toBe(schema);
    expect(sent.properties.task_name).toMatchObject({ const: definition.name });
    expect(sent.properties.task_metas).toBe(SentDefinition.properties.task_metas);
  });

  test('of a result have the URLs of the files that the task makes', () => {
    const url = 'http://x/files/K/output.jpg';
    const result = { width: 1, height: 1, original_width: 1, original_height: 1, content_type: 'image/jpeg' };
    expect(violations(document, schemaOf('image.thumb.result'), { ...result, output: url })).toEqual([]);
    expect(violations(document, schemaOf('image.thumb.result'), result)).not.toEqual([]);
    const sizes = { s: { width: 1, height: 1 } };
    expect(violations(document, schemaOf('image.sizes.result'), { sizes, s: url })).toEqual([]);
    expect(violations(document, schemaOf('image.sizes.result'), { sizes, s: 1 })).not.toEqual([]);
  });

  test('require of a task what has no default', () => {
    expect(schemaOf('sleep').required).toEqual(['task_name', 'seconds']);
    expect(violations(document, schemaOf('sleep'), { task_name: 'sleep', seconds: 1 })).toEqual([]);
    expect(violations(document, schemaOf('sleep'), { task_name: 'sleep' })).not.toEqual([]);
  });

  test('tell the tasks apart by their names', () => {
    const definition = schemaOf('TaskDefinition');
    expect(definition).toMatchObject({
      oneOf: [...catalogue.keys()].map((name) => ({ $ref: `#/components/schemas/${name}` })),
      discriminator: { propertyName: 'task_name' },
    });
    const url = 'https://files.example/cat.jpg';
    expect(violations(published(), definition, { task_name: 'image.info', url })).toEqual([]);
    expect(violations(published(), definition, { task_name: 'hello', url })).not.toEqual([]);
    expect(violations(published(), definition, { task_name: 'image.nothing', url })).not.toEqual([]);
  });

  test('of definitions and events are the ones that check them', () => {
    expect(schemaOf('SentDefinition')).toBe(SentDefinition);
    const { anyOf } = document.components.schemas.HistoryEvent as { anyOf: ObjectSchema[] };
    expect(anyOf).toHaveLength(events.TaskEvent.anyOf.length);
    for (const [index, { properties }] of events.TaskEvent.anyOf.entries()) {
      const { type, at, account: _, ...data } = properties as Readonly<Record<string, object>>;
      const shown = anyOf[index]?.properties ?? {};
      expect(shown.type).toBe(type);
      expect(shown.time).toBe(at);
      const members = (shown.data as ObjectSchema).properties;
      expect(Object.keys(members)).toEqual(Object.keys(data));
      for (const name of Object.keys(data)) expect(members[name], name).toBe(data[name]);
    }
  });

  test('take a key for one exactly where the front does', () => {
    const key = newKey();
    const candidates = [
      key,
      key.toLowerCase(),
      `8${key.slice(1)}`,
      `${key}0`,
      key.slice(1),
      `${key.slice(1)}U`,
      '',
    ];
    for (const candidate of candidates)
      expect(violations(document, schemaOf('Key'), candidate).length === 0, candidate).toBe(isKey(candidate));
    expect(isKey(key)).toBe(true);
  });
});
