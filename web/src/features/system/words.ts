import { defineWords } from '@/i18n/words';

export const words = defineWords('system', {
  zh: {
    title: '系统',
  },
  en: {
    title: 'System',
  },
});
