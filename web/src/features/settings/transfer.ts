/** Export to a file and import from one, over the adapter. */
import { isData, number, text } from '@/events/event';
import { ApiProblem } from '@/api/problem';
import { fetchPath } from '@/api/transport';

/** A hundred thousand tasks take minutes on a slow line. */
const DEADLINE_MS = 15 * 60_000;

export interface ImportedCounts {
  readonly tasks: number;
  readonly messages: number;
  readonly settings: number;
}

export function nameOfDownload(disposition: string | null): string {
  return /filename="([\w.-]+)"/.exec(disposition ?? '')?.[1] ?? 'lgma-export.json';
}

/** The file as the browser keeps it, and its name. Raises ApiProblem. */
export async function readExport(): Promise<{ readonly name: string; readonly file: Blob }> {
  const response = await fetchPath('/api/v1/mvp2/export', {}, { deadlineMs: DEADLINE_MS });
  const file = await response.blob();
  await checkWhole(file);
  return { name: nameOfDownload(response.headers.get('content-disposition')), file };
}

/** A stream that broke off is no export: it ends in the middle of something. */
async function checkWhole(file: Blob): Promise<void> {
  const end = await file.slice(-2).text();
  if (end !== '}}') throw new ApiProblem({ code: 'OFFLINE', message: `${file.size} B` });
}

export function saveFile(name: string, file: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  // The download has its own hold on the file by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

export function countsOf(answer: unknown): ImportedCounts {
  const data = isData(answer) && isData(answer['data']) ? answer['data'] : {};
  const counts = isData(data['imported_counts']) ? data['imported_counts'] : null;
  if (counts === null) throw new ApiProblem({ code: 'UNREADABLE_ANSWER', message: text(isData(answer) ? answer['message'] : '') });
  return { tasks: number(counts['tasks']) ?? 0, messages: number(counts['messages']) ?? 0, settings: number(counts['settings']) ?? 0 };
}

/** Raises ApiProblem; then nothing was imported. */
export async function importFile(file: Blob): Promise<ImportedCounts> {
  const init = { method: 'POST', body: file, headers: { 'Content-Type': 'application/json' } };
  return countsOf(await (await fetchPath('/api/v1/mvp2/import', init, { deadlineMs: DEADLINE_MS })).json());
}
