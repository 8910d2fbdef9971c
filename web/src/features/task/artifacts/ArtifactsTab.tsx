/** Files of a task: what was handed in and what the agents made. */
import { ArrowLeft, Download, FileBarChart, FileCode2, FileImage, FileSpreadsheet, FileText, FolderOpen } from 'lucide-react';
import type { ReactNode } from 'react';
import type { TaskView } from '@/events/view';
import { formatMoment } from '@/i18n/format';
import { useWords } from '@/i18n/words';
import { buttonClass, Bytes, cx, EmptyState, ErrorNote, SkeletonRows } from '@/parts';
import { useArtifacts, type Artifact } from '../data';
import { words } from '../words';
import { DownloadLink } from './DownloadLink';
import { GROUPS, groupOf } from './kind';
import { Preview } from './Preview';

function iconOf(file: Artifact): ReactNode {
  const props = { size: 15, 'aria-hidden': true } as const;
  if (file.kind === 'chart') return <FileBarChart {...props} />;
  if (file.media_type.startsWith('image/')) return <FileImage {...props} />;
  if (/csv|tab-separated|sheet|parquet/.test(file.media_type)) return <FileSpreadsheet {...props} />;
  if (/json|html|xml/.test(file.media_type)) return <FileCode2 {...props} />;
  return <FileText {...props} />;
}

interface ArtifactsTabProps {
  readonly taskId: string;
  readonly view: TaskView;
  readonly selected: string | undefined;
  readonly onSelect: (name: string | undefined) => void;
}

export function ArtifactsTab({ taskId, view, selected, onSelect }: ArtifactsTabProps) {
  const say = useWords(words);
  const files = useArtifacts(taskId, view);
  if (files.error) return <ErrorNote error={files.error} className="m-4" onRetry={() => void files.refetch()} />;
  if (files.isPending) return <SkeletonRows rows={5} />;
  if (files.data.length === 0) {
    return (
      <EmptyState icon={<FolderOpen size={22} aria-hidden />} title={say('files.none')}>
        {say('files.none.text')}
      </EmptyState>
    );
  }
  const file = files.data.find((one) => one.name === selected);
  if (file) {
    return (
      <section aria-label={file.name} className="flex min-h-full flex-col">
        <header className="flex flex-wrap items-center gap-x-3 gap-y-2 border-b border-line px-4 py-2.5">
          <button type="button" onClick={() => onSelect(undefined)} className={buttonClass('quiet', 'small')}>
            <ArrowLeft size={15} aria-hidden />
            {say('files.back')}
          </button>
          <h2 className="min-w-0 flex-1 truncate font-medium" title={file.name}>
            {file.name}
          </h2>
          <DownloadLink url={file.url} name={file.name} className={buttonClass('plain', 'small')}>
            <Download size={14} aria-hidden />
            {say('files.download')}
          </DownloadLink>
        </header>
        <dl className="flex flex-wrap gap-x-5 gap-y-1 px-4 py-2 text-sm">
          <Fact label={say('files.size')}>
            <Bytes bytes={file.size_bytes} />
          </Fact>
          <Fact label={say('files.type')}>{file.media_type}</Fact>
          <Fact label={say('files.made')}>{formatMoment(file.created_at)}</Fact>
          <Fact label={say('files.digest')}>
            <code title={file.digest}>{file.digest.slice(0, 12)}…</code>
          </Fact>
        </dl>
        <div className="flex-1 px-4 pt-1 pb-4">
          <Preview file={file} files={files.data} />
        </div>
      </section>
    );
  }
  return (
    <div className="p-3" role="group" aria-label={say('files.list')}>
      {GROUPS.map((kind) => {
        const some = files.data.filter((one) => groupOf(one.kind) === kind);
        if (some.length === 0) return null;
        return (
          <section key={kind} className="mb-3">
            <h2 className="px-2 pb-1 text-sm font-medium text-muted">{say(`files.kind.${kind}`)}</h2>
            <ul>
              {some.map((one) => (
                <li key={one.name}>
                  <button
                    type="button"
                    onClick={() => onSelect(one.name)}
                    className={cx('flex min-h-9 w-full items-center gap-2.5 rounded-control px-2 py-1 text-left hover:bg-hover')}
                  >
                    <span className="text-muted">{iconOf(one)}</span>
                    <span className="min-w-0 flex-1 truncate" title={one.name}>
                      {one.name}
                    </span>
                    <span className="text-sm text-muted">
                      <Bytes bytes={one.size_bytes} />
                    </span>
                  </button>
                </li>
              ))}
            </ul>
          </section>
        );
      })}
    </div>
  );
}

function Fact({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  return (
    <div className="flex min-w-0 gap-1.5">
      <dt className="text-muted">{label}</dt>
      <dd className="min-w-0 truncate">{children}</dd>
    </div>
  );
}
