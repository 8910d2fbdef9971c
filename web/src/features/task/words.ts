import { defineWords } from '@/i18n/words';

export const words = defineWords('task', {
  zh: {
    title: '任务',
  },
  en: {
    title: 'Task',
  },
});
