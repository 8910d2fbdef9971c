/** A look at a file by its kind. Nothing in it ever runs: pages stand in a sandbox, SVG is a picture. */
import { useQuery } from '@tanstack/react-query';
import { FileQuestion } from 'lucide-react';
import { useMemo } from 'react';
import { fetchPath } from '@/api/transport';
import { useWords } from '@/i18n/words';
import { EmptyState, ErrorNote } from '@/parts';
import { addressOf, type Artifact } from '../data';
import { MarkdownFile, PageFile, TextSkeleton } from '../report/ReportTab';
import { words } from '../words';
import { parseSheet } from './csv';
import { previewKind } from './kind';

const MAX_TEXT_BYTES = 256 * 1024;
const MAX_ROWS = 200;
const MAX_MARKDOWN_BYTES = 2 * 1024 * 1024;

function useText(file: Artifact) {
  return useQuery({
    queryKey: ['file', file.url, file.digest, 'start'],
    queryFn: async ({ signal }) => {
      const isPart = file.size_bytes > MAX_TEXT_BYTES;
      const answer = await fetchPath(file.url, isPart ? { signal, headers: { Range: `bytes=0-${MAX_TEXT_BYTES - 1}` } } : { signal });
      return { text: await answer.text(), isPart };
    },
    staleTime: Infinity,
    enabled: file.size_bytes > 0,
  });
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function Sheet({ text, isPart, delimiter, name }: { readonly text: string; readonly isPart: boolean; readonly delimiter: ',' | '\t'; readonly name: string }) {
  const say = useWords(words);
  const sheet = useMemo(() => parseSheet(text, delimiter, MAX_ROWS, isPart), [text, delimiter, isPart]);
  return (
    <>
      <div role="region" aria-label={name} tabIndex={0} className="max-h-[65vh] overflow-auto rounded-control border border-line">
        <table className="min-w-full text-left text-sm">
          <thead className="sticky top-0 bg-sunken">
            <tr>
              {sheet.head.map((cell, at) => (
                <th key={at} scope="col" className="px-2.5 py-1.5 font-medium whitespace-nowrap">
                  {cell}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {sheet.rows.map((row, at) => (
              <tr key={at} className="border-t border-line">
                {row.map((cell, column) => (
                  <td key={column} className="max-w-80 truncate px-2.5 py-1 whitespace-nowrap">
                    {cell}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {sheet.isCut && <p className="mt-2 text-sm text-muted">{say('files.cut')}</p>}
    </>
  );
}

function TextPreview({ file, kind }: { readonly file: Artifact; readonly kind: 'text' | 'json' | 'csv' | 'tsv' }) {
  const say = useWords(words);
  const content = useText(file);
  if (content.error) return <ErrorNote error={content.error} onRetry={() => void content.refetch()} />;
  if (file.size_bytes === 0) return null;
  if (content.data === undefined) return <TextSkeleton />;
  const { text, isPart } = content.data;
  if (kind === 'csv' || kind === 'tsv') return <Sheet text={text} isPart={isPart} delimiter={kind === 'csv' ? ',' : '\t'} name={file.name} />;
  return (
    <>
      <pre tabIndex={0} aria-label={file.name} className="max-h-[65vh] overflow-auto rounded-control border border-line bg-sunken p-3 text-sm whitespace-pre-wrap">
        {kind === 'json' && !isPart ? pretty(text) : text}
      </pre>
      {isPart && <p className="mt-2 text-sm text-muted">{say('files.cut')}</p>}
    </>
  );
}

export function Preview({ file, files }: { readonly file: Artifact; readonly files: readonly Artifact[] }) {
  const say = useWords(words);
  const kind = previewKind(file.media_type, file.name);
  switch (kind) {
    case 'image':
      return (
        <div className="grid place-items-center rounded-control border border-line bg-white p-3">
          <img src={addressOf(file.url)} alt={file.name} className="h-auto max-w-full" />
        </div>
      );
    case 'markdown':
      return file.size_bytes <= MAX_MARKDOWN_BYTES ? <MarkdownFile file={file} files={files} /> : <TextPreview file={file} kind="text" />;
    case 'page':
      return <PageFile file={file} title={file.name} />;
    case 'none':
      return (
        <EmptyState icon={<FileQuestion size={22} aria-hidden />} title={say('files.cannot')}>
          {say('files.cannot.text')}
        </EmptyState>
      );
    default:
      return <TextPreview file={file} kind={kind} />;
  }
}
