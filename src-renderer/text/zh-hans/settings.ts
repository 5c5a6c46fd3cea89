/** The settings screen, in Simplified Chinese. */
import type { settings as english } from '../en/settings';
import type { Translation } from '../message';

export const settings: Translation<typeof english> = {
  'settings.title': '设置',
  'settings.look': '外观',
  'settings.theme': '主题',
  'settings.theme.dark': '深色',
  'settings.theme.light': '浅色',
  'settings.theme.system': '跟随系统',
  'settings.language': '语言',
  'settings.language.system': '跟随系统（{name}）',
  'settings.making': '生成图片',
  'settings.provider': '运行于（工作室未另行指定时）',
  'settings.provider.best': '此处最佳（{name}）',
  'settings.provider.not-here': '{name}（不可用）',
  'settings.provider.why-not': '不可用：{detail}',
  'settings.pack': '模型包（工作室未另行指定时）',
  'settings.pack.bundled': '内置模型包',
  'settings.previews': '保留每一步的预览',
  'settings.previews.hint': '用于对比下方的步骤滑块。每张图片几百 KB。',
  'settings.metadata': '将设置写入图片',
  'settings.metadata.hint': '提示词、种子、格式、内存和时间，可供其他工具读取。绝不写入文件夹路径或身份照片。',
  'settings.photos': '照片与隐私',
  'settings.photos.text':
    '身份照片和姿态照片只保存在此计算机上，不会发送到任何地方。在工作室删除照片时，也会删除其缩略图、面部位置以及由其生成的面部数据。',
  'settings.machine': '此计算机',
  'settings.cpu': '处理器',
  'settings.memory': '内存',
  'settings.memory.amount': '{total}，启动时可用 {free}',
  'settings.engine': '引擎',
  'settings.engine.stopped': '已停止',
  'settings.engine.starting': '正在启动',
  'settings.engine.ready': '就绪',
  'settings.engine.crashed': '已崩溃',
  'settings.open-pictures': '打开图片文件夹',
  'settings.open-logs': '打开日志',
  'settings.about': '关于',
  'settings.about.text':
    'Likeness Lab {version} 展示量化对保持身份的人像有何影响：图片、相似度、内存和时间。请只为同意的人制作人像。',
  'settings.notices': '声明与许可证',
};
