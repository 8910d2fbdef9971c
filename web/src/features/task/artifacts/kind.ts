/** How a file can be shown in the page, by its media type and the end of its name. Pure. */

export type PreviewKind = 'image' | 'markdown' | 'page' | 'csv' | 'tsv' | 'json' | 'text' | 'none';

const IMAGES = /^image\/(png|jpeg|gif|webp|svg\+xml)$/;

/** The groups of the list, in its order. */
export const GROUPS = ['report', 'chart', 'result', 'plan', 'input'] as const;
export type Group = (typeof GROUPS)[number];

/** Where a file stands in the list: of a kind that this page does not know, it is still a result. */
export function groupOf(kind: string): Group {
  return GROUPS.find((one) => one === kind) ?? 'result';
}

export function previewKind(mediaType: string, name: string): PreviewKind {
  const type = (mediaType.split(';')[0] ?? '').trim().toLowerCase();
  const end = /\.[^.]+$/.exec(name.toLowerCase())?.[0] ?? '';
  if (IMAGES.test(type)) return 'image';
  if (type === 'text/html' || type === 'application/xhtml+xml') return 'page';
  if (type === 'text/markdown') return 'markdown';
  if (type === 'text/csv') return 'csv';
  if (type === 'text/tab-separated-values') return 'tsv';
  if (type === 'application/json') return 'json';
  if (type.startsWith('text/') || type === 'application/x-ndjson') return 'text';
  if (type === 'application/octet-stream' && /^\.(log|txt|sql|yaml|yml|toml|ini)$/.test(end)) return 'text';
  return 'none';
}
