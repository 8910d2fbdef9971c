/** One error type for all that may go wrong between this page and the server. */

export interface FieldError {
  readonly field: string;
  readonly code: string;
  readonly message: string;
}

/** Codes that this page gives itself; all others are the server's. */
export type LocalCode = 'OFFLINE' | 'TIMED_OUT' | 'UNREADABLE_ANSWER';

export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';
  readonly code: string;
  /** 0 where no answer came. */
  readonly status: number;
  readonly title: string;
  /** What to do, in the person's language, if the server said so. */
  readonly hint: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly fields: readonly FieldError[];
  readonly requestId: string | null;
  /** Seconds. */
  readonly retryAfter: number | null;

  constructor(given: {
    code: string;
    message: string;
    status?: number;
    title?: string;
    hint?: string;
    details?: Readonly<Record<string, unknown>>;
    fields?: readonly FieldError[];
    requestId?: string | null;
    retryAfter?: number | null;
    cause?: unknown;
  }) {
    super(given.message, { cause: given.cause });
    this.code = given.code;
    this.status = given.status ?? 0;
    this.title = given.title ?? '';
    this.hint = given.hint ?? '';
    this.details = given.details ?? {};
    this.fields = given.fields ?? [];
    this.requestId = given.requestId ?? null;
    this.retryAfter = given.retryAfter ?? null;
  }

  /** Whether the same request may succeed a little later without anybody's doing. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 429 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

type Body = Readonly<Record<string, unknown>>;

function isBody(value: unknown): value is Body {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function fieldsOf(value: unknown): FieldError[] {
  if (!Array.isArray(value)) return [];
  return value.filter(isBody).map((item) => ({ field: text(item['field']), code: text(item['code']), message: text(item['message']) }));
}

function secondsOf(header: string | null): number | null {
  if (header === null) return null;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds);
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, Math.round((at - Date.now()) / 1000));
}

/** The problem in an answer that is not a success: problem+json, the adapter's envelope, or neither. */
export async function problemOf(response: Response): Promise<ApiProblem> {
  const given = {
    status: response.status,
    requestId: response.headers.get('x-request-id'),
    retryAfter: secondsOf(response.headers.get('retry-after')),
  };
  let body: unknown = null;
  try {
    body = await response.json();
  } catch {
    // A proxy in between may answer with a page of its own.
  }
  if (isBody(body) && typeof body['error_code'] === 'string') {
    const details = isBody(body['details']) ? body['details'] : {};
    return new ApiProblem({
      ...given,
      code: body['error_code'],
      message: text(body['message']),
      hint: text(details['hint']),
      details,
      fields: fieldsOf(details['errors']),
      requestId: given.requestId ?? (text(details['request_id']) || null),
    });
  }
  if (isBody(body) && typeof body['code'] === 'string') {
    return new ApiProblem({
      ...given,
      code: body['code'],
      message: text(body['detail']) || text(body['title']),
      title: text(body['title']),
      hint: text(body['hint']),
      details: body,
      fields: fieldsOf(body['errors']),
      requestId: given.requestId ?? (text(body['request_id']) || null),
    });
  }
  return new ApiProblem({ ...given, code: 'UNREADABLE_ANSWER', message: `HTTP ${response.status}`, details: isBody(body) ? body : {} });
}

/** Any thrown value as a problem, for the places that show errors. */
export function asProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  return new ApiProblem({ code: 'UNEXPECTED', message: error instanceof Error ? error.message : String(error), cause: error });
}
