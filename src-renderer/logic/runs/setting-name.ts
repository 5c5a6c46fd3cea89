/** Names of settings and of other differences between runs. */
import { COMPONENT_NAMES, type QuantizedComponent } from '$contract/formats';
import { isSetting, SETTINGS, type Setting, type SettingField } from '$contract/generation-settings';
import { capitalised, t } from '../../text/text.svelte';

const isComponent = (field: SettingField): field is QuantizedComponent => field in COMPONENT_NAMES;

/** Name within a sentence. */
export function fieldName(field: SettingField | Setting): string {
  if (isSetting(field)) return t(`field.${SETTINGS[field].flag}`);
  return isComponent(field) ? COMPONENT_NAMES[field] : t(`field.${field}`);
}

/** Name beside a control or a value. */
export function fieldLabel(field: SettingField | Setting): string {
  return capitalised(fieldName(field));
}
