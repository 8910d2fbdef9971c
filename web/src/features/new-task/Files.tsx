import { FileSpreadsheet, FileText, FileUp, Upload, X } from 'lucide-react';
import { useEffect, useId, useRef, useState } from 'react';
import { useWords } from '@/i18n/words';
import { Bytes, Button, cx, IconButton, Skeleton } from '@/parts';
import { WEATHER_NAME } from './templates';
import { words } from './words';

interface FilesProps {
  readonly files: readonly File[];
  /** Chosen before a reload, and gone with it. */
  readonly lost: readonly string[];
  /** The bundled data set is on its way. */
  readonly isFetching: boolean;
  /** What the server says of the files. */
  readonly errors: readonly string[];
  readonly isDisabled: boolean;
  readonly onAdd: (files: readonly File[]) => void;
  readonly onRemove: (file: File) => void;
  readonly onForget: () => void;
}

const TABLE = /\.(csv|tsv|xlsx|xlsm|parquet|json|jsonl|ndjson)$/i;

function hasFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes('Files') === true;
}

/** Files by drop anywhere on the page, or by the picker. */
export function Files({ files, lost, isFetching, errors, isDisabled, onAdd, onRemove, onForget }: FilesProps) {
  const say = useWords(words);
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [isOver, setOver] = useState(false);
  const add = useRef(onAdd);
  add.current = onAdd;

  useEffect(() => {
    if (isDisabled) return;
    let depth = 0;
    const enter = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      depth += 1;
      setOver(true);
    };
    const leave = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      depth = Math.max(0, depth - 1);
      if (depth === 0) setOver(false);
    };
    const over = (event: DragEvent) => {
      if (hasFiles(event)) event.preventDefault();
    };
    const drop = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      depth = 0;
      setOver(false);
      add.current([...(event.dataTransfer?.files ?? [])]);
    };
    addEventListener('dragenter', enter);
    addEventListener('dragleave', leave);
    addEventListener('dragover', over);
    addEventListener('drop', drop);
    return () => {
      removeEventListener('dragenter', enter);
      removeEventListener('dragleave', leave);
      removeEventListener('dragover', over);
      removeEventListener('drop', drop);
    };
  }, [isDisabled]);

  return (
    <div role="group" aria-labelledby={`${id}-label`} aria-describedby={errors.length > 0 ? `${id}-error` : undefined}>
      <div id={`${id}-label`} className="mb-1 text-sm font-medium">
        {say('files.label')}
      </div>
      <div
        className={cx(
          'rounded-card border border-dashed px-4 py-5 text-center transition-colors duration-100',
          isOver ? 'border-accent bg-tint' : errors.length > 0 ? 'border-red' : 'border-line-strong/60',
        )}
      >
        <p className="flex flex-wrap items-center justify-center gap-x-2 gap-y-1">
          <Upload size={16} aria-hidden className="text-muted" />
          {isOver ? (
            <span className="py-0.5 font-medium text-accent">{say('files.release')}</span>
          ) : (
            <>
              <span>{say('files.drop')}</span>
              <Button size="small" disabled={isDisabled} onClick={() => input.current?.click()}>
                {say('files.choose')}
              </Button>
            </>
          )}
        </p>
        <p className="mt-1 text-sm text-muted">{say('files.kinds')}</p>
        <input
          ref={input}
          type="file"
          multiple
          tabIndex={-1}
          aria-label={say('files.choose')}
          disabled={isDisabled}
          className="sr-only"
          onChange={(event) => {
            onAdd([...(event.target.files ?? [])]);
            // The same file can be chosen again after it was removed.
            event.target.value = '';
          }}
        />
      </div>
      {errors.length > 0 && (
        <ul id={`${id}-error`} role="alert" className="mt-1.5 text-sm text-red">
          {errors.map((one) => (
            <li key={one}>{one}</li>
          ))}
        </ul>
      )}
      {lost.length > 0 && (
        <p className="mt-2 flex flex-wrap items-center gap-2 rounded-control bg-amber-tint px-3 py-1.5 text-sm">
          <FileUp size={15} aria-hidden className="shrink-0 text-amber" />
          <span className="min-w-0 flex-1">{say('files.again', { count: lost.length, names: lost.join(', ') })}</span>
          <Button size="small" kind="quiet" onClick={onForget}>
            {say('files.forget')}
          </Button>
        </p>
      )}
      {(files.length > 0 || isFetching) && (
        <ul className="mt-2 divide-y divide-line overflow-hidden rounded-control border border-line">
          {isFetching && (
            <li role="status" aria-label={say('is_waiting')} className="flex h-11 items-center gap-3 px-3">
              <Skeleton className="size-4" />
              <Skeleton className="h-3.5 w-48" />
            </li>
          )}
          {files.map((file) => {
            const Icon = TABLE.test(file.name) ? FileSpreadsheet : FileText;
            return (
              <li key={`${file.name}:${file.size}:${file.lastModified}`} className="flex min-h-11 items-center gap-3 py-1 pr-1.5 pl-3">
                <Icon size={16} aria-hidden className="shrink-0 text-muted" />
                <span className="min-w-0 flex-1">
                  <span className="block truncate" title={file.name}>
                    {file.name}
                  </span>
                  {file.size === 0 && <span className="block text-xs text-red">{say('files.empty')}</span>}
                  {file.name === WEATHER_NAME && <span className="block text-xs text-muted">{say('files.weather')}</span>}
                </span>
                <span className="shrink-0 text-sm text-muted">
                  <Bytes bytes={file.size} />
                </span>
                <IconButton
                  size="small"
                  label={say('files.remove', { name: file.name })}
                  icon={<X size={15} aria-hidden />}
                  disabled={isDisabled}
                  onClick={() => onRemove(file)}
                />
              </li>
            );
          })}
        </ul>
      )}
    </div>
  );
}
