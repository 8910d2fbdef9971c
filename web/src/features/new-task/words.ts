import { defineWords } from '@/i18n/words';

export const words = defineWords('new-task', {
  zh: {
    title: '新建任务',
  },
  en: {
    title: 'New task',
  },
});
