/** What every page is built of. */
export { Button, buttonClass, IconButton, type ButtonKind } from './Button';
export { Card, PageHead } from './Card';
export { Chip, FilterChip, type Choice } from './Chip';
export { cx } from './classes';
export { CopyText } from './CopyText';
export { DataTable, type Column } from './DataTable';
export { Confirm, Dialog } from './Dialog';
export { EmptyState } from './EmptyState';
export { ErrorNote, explain } from './ErrorNote';
export { Bytes, Duration, Money, RelativeTime } from './Figures';
export { Kbd } from './Kbd';
export { Menu, type MenuItem } from './Menu';
export { PriorityMark, priorityOf, type PriorityLevel } from './PriorityMark';
export { ProgressBar } from './ProgressBar';
export { Skeleton, SkeletonRows } from './Skeleton';
export { STATUS_TEXT, STATUS_TINT, StatusMark, StatusShape } from './StatusMark';
export { Tabs, type Tab } from './Tabs';
export { toast } from './Toast';
