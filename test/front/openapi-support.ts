import { Compile } from 'typebox/schema';
import { openApiDocument } from '../../src/front/openapi/document.ts';
import {
  type Answer,
  isReference,
  type Media,
  nameOfRef,
  type OpenApiDocument,
  type Operation,
  type Schema,
} from '../../src/front/openapi/parts.ts';
import { catalogue } from '../../src/tasks/catalogue.ts';

export const PUBLIC_URL = 'https://wyvern.example';

/** The document as clients read it: what the schemas are beyond JSON is gone. */
export const published = (): OpenApiDocument =>
  JSON.parse(JSON.stringify(openApiDocument(catalogue, PUBLIC_URL)));

/** What is wrong with a value, by one of the document's schemas; nothing if it fits. */
export function violations(document: OpenApiDocument, schema: Schema, value: unknown): string[] {
  // References point into the document, so it stands beside them at the root.
  const check = Compile({ allOf: [schema], components: document.components });
  const [isValid, errors] = check.Errors(value);
  return isValid ? [] : errors.map(({ instancePath, message }) => `${instancePath} ${message}`);
}

export interface Call {
  readonly name: string;
  readonly path: string;
  readonly method: string;
  readonly operation: Operation;
}

export const callsOf = ({ paths }: OpenApiDocument): Call[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${path}`,
      path,
      method,
      operation,
    })),
  );

/** The answer itself where the document refers to one that many calls give. */
export function answerOf(
  document: OpenApiDocument,
  { responses }: Operation,
  status: string,
): Answer | undefined {
  const answer = responses[status];
  return answer && isReference(answer) ? document.components.responses[nameOfRef(answer)] : answer;
}

export interface Content {
  readonly where: string;
  readonly type: string;
  readonly media: Media;
}

/** Every body and every answer of the document that has content. */
export function contentsOf(document: OpenApiDocument): Content[] {
  return callsOf(document).flatMap(({ name, operation }) => [
    ...contentOf(`${name}, body`, operation.requestBody?.content),
    ...Object.keys(operation.responses).flatMap((status) =>
      contentOf(`${name}, ${status}`, answerOf(document, operation, status)?.content),
    ),
  ]);
}

const contentOf = (where: string, content: Readonly<Record<string, Media>> = {}): Content[] =>
  Object.entries(content).map(([type, media]) => ({ where: `${where}, ${type}`, type, media }));
