import { defineWords } from '@/i18n/words';

export const words = defineWords('tasks', {
  zh: {
    title: '任务',
    'new': '新建任务',
    'empty.title': '还没有任务',
    'empty.text': '描述你要完成的事，智能体会拆解、执行并检查结果。',
  },
  en: {
    title: 'Tasks',
    'new': 'New task',
    'empty.title': 'No tasks yet',
    'empty.text': 'Describe what you want done; agents plan it, do it and check the result.',
  },
});
