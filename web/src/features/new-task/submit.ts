/** Sends a draft with its files, and tells how far the files have come. Raises ApiProblem. */
import type { Schemas } from '@/api/client';
import { apiConfig } from '@/api/config';
import { ApiProblem, problemOf } from '@/api/problem';
import { sessionRefused } from '@/api/session';
import { locale } from '@/i18n/words';
import { fieldsOf, type Draft } from './draft';

const DEADLINE_MS = 10 * 60_000;

export interface Sending {
  readonly answer: Promise<Schemas['TaskModel']>;
  readonly abort: () => void;
}

/** The form's parts: values that are not text go as JSON. Files come last: they are checked as they arrive. */
export function formOf(draft: Draft, files: readonly File[]): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fieldsOf(draft))) form.append(name, typeof value === 'object' ? JSON.stringify(value) : String(value));
  for (const file of files) form.append('files', file, file.name);
  return form;
}

function responseOf(request: XMLHttpRequest): Response {
  const headers = new Headers();
  for (const line of request.getAllResponseHeaders().trim().split(/[\r\n]+/)) {
    const at = line.indexOf(':');
    if (at > 0) headers.append(line.slice(0, at), line.slice(at + 1).trim());
  }
  return new Response(request.responseText, { status: request.status, headers });
}

/**
 * `onProgress`: the share of the bytes that are sent, 0 to 1; null once all are and the server works on them.
 *
 * XMLHttpRequest, for `fetch` does not tell how far an upload is.
 */
export function submit(draft: Draft, files: readonly File[], onProgress: (share: number | null) => void): Sending {
  const request = new XMLHttpRequest();
  const answer = new Promise<Schemas['TaskModel']>((resolve, reject) => {
    request.open('POST', new URL(`${apiConfig().root}/api/v1/tasks`, window.location.href));
    request.timeout = DEADLINE_MS;
    request.setRequestHeader('Accept-Language', locale());
    request.setRequestHeader('X-Requested-With', 'fetch');
    request.setRequestHeader('Idempotency-Key', draft.key);
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress(event.loaded >= event.total ? null : event.loaded / event.total);
    };
    request.upload.onload = () => onProgress(null);
    request.onload = () => {
      const response = responseOf(request);
      if (response.status === 401) sessionRefused(true);
      if (!response.ok) void problemOf(response).then(reject, reject);
      else void response.json().then((body: Schemas['TaskModel']) => resolve(body), () => reject(new ApiProblem({ code: 'UNREADABLE_ANSWER', message: `HTTP ${response.status}`, status: response.status })));
    };
    request.onerror = () => reject(new ApiProblem({ code: 'OFFLINE', message: '' }));
    request.ontimeout = () => reject(new ApiProblem({ code: 'TIMED_OUT', message: `${DEADLINE_MS} ms` }));
    request.onabort = () => reject(new DOMException('aborted', 'AbortError'));
    if (files.length > 0) request.send(formOf(draft, files));
    else {
      request.setRequestHeader('Content-Type', 'application/json');
      request.send(JSON.stringify(fieldsOf(draft)));
    }
  });
  return { answer, abort: () => request.abort() };
}
