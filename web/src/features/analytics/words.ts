import { defineWords } from '@/i18n/words';

export const words = defineWords('analytics', {
  zh: {
    title: '分析',
  },
  en: {
    title: 'Analytics',
  },
});
