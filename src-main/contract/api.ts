/**
 * The request table: method -> input and output schema. The one source of handlers, preload methods and client
 * types. Inputs refuse unknown keys.
 */
import { z } from 'zod';
import { appSettingsSchema } from './app-settings.js';
import { blindAnswerSchema, blindStartSchema, blindTestSchema, MAX_TRIALS } from './blind-test.js';
import { compareInputSchema, compareTableSchema, reportInputSchema, reportSchema } from './compare-data.js';
import { comparisonSchema, queueStateSchema } from './comparison.js';
import {
  galleryInputSchema,
  galleryWindowSchema,
  identicalExceptSchema,
  selectionSchema,
  undoableSchema,
} from './gallery.js';
import { formatChoiceSchema } from './formats.js';
import { comparisonDraftSchema, missingPartSchema, settingFieldSchema } from './generation-settings.js';
import { idSchema } from './ids.js';
import {
  cacheEntrySchema,
  cacheFolderChoiceSchema,
  cacheFolderStateSchema,
  importCheckSchema,
  importSourceSchema,
  libraryNameSchema,
  libraryStateSchema,
} from './library.js';
import { loraPieceSchema, loraSchema, loraSourceSchema, loraUploadSchema, loraUploadStateSchema } from './lora.js';
import { MAX_CELLS, MAX_PANES, MAX_SELECTION, MAX_UPLOAD_BYTES } from './limits.js';
import {
  estimateInputSchema,
  estimateSchema,
  packDetailSchema,
  packSummarySchema,
  formatMixSchema,
  mixInputSchema,
  outputErrorsInputSchema,
  outputMeasurementSchema,
  outputMeasurementsInputSchema,
  weightErrorsInputSchema,
  weightErrorsSchema,
} from './pack.js';
import { detectedFacesSchema, photoRoleSchema, photoSchema, samplesSchema } from './photo.js';
import { pictureMetadataSchema } from './picture-metadata.js';
import { preparationEstimateSchema, preparationInputSchema } from './preparation.js';
import { runDetailSchema, starsSchema, tagSchema } from './run.js';
import { smallerChangeSchema, smallerChoicesSchema } from './smaller-choice.js';
import { systemInfoSchema } from './system-info.js';

const nothing = z.strictObject({});
const done = z.object({});
const byRun = z.strictObject({ runId: idSchema });
const byComparison = z.strictObject({ comparisonId: idSchema });
const byPhoto = z.strictObject({ photoId: idSchema });
const byTest = z.strictObject({ testId: idSchema });
const byPack = z.strictObject({ packId: idSchema });
/** Standard base64, 4 characters for 3 bytes. */
const uploadSchema = z
  .string()
  .min(4)
  .max(Math.ceil(MAX_UPLOAD_BYTES / 3) * 4);
const startedSchema = z.object({ comparisonId: idSchema, runIds: z.array(idSchema) });

export const API = {
  /** Known packs; the bundled one first. */
  'packs.list': { input: nothing, output: z.array(packSummarySchema) },
  'packs.inspect': { input: byPack, output: packDetailSchema },
  /** Opens a folder dialog on the host; null when the person closed it. Refused where the host has no dialogs. */
  'packs.add': { input: nothing, output: packSummarySchema.nullable() },
  /** Forgets a pack's folder; its files stay. The bundled pack cannot be removed. */
  'packs.remove': { input: byPack, output: done },
  /** Packs that can be imported or downloaded, and where the token comes from. */
  'library.get': { input: nothing, output: libraryStateSchema },
  /** Looks for a pack's parts and checks each by its headers; null when the person closed the dialog. */
  'library.check': {
    input: z.strictObject({
      libraryId: libraryNameSchema,
      source: importSourceSchema,
      /** Empty for all that are found. */
      variants: z.array(libraryNameSchema).max(16),
    }),
    output: importCheckSchema.nullable(),
  },
  /** Links what a check found; nothing is copied. */
  'library.import': { input: z.strictObject({ checkId: idSchema }), output: packSummarySchema },
  /** Answers at once; the event `download` tells the rest. */
  'library.download': {
    input: z.strictObject({
      libraryId: libraryNameSchema,
      variants: z.array(libraryNameSchema).max(16),
      /** Ids of the licences that the person has read and accepted. */
      acceptedLicences: z.array(libraryNameSchema).max(64),
    }),
    output: done,
  },
  'library.pause': { input: nothing, output: done },
  'library.resume': { input: nothing, output: done },
  /** Ends the download and deletes what has come; a finished one is only taken off the screen. */
  'library.cancel': { input: nothing, output: done },
  /** Deletes the pack's own folder; files that it links to stay. */
  'library.remove': { input: z.strictObject({ libraryId: libraryNameSchema }), output: done },
  'library.save-token': { input: z.strictObject({ token: z.string().trim().min(1).max(512) }), output: done },
  'library.forget-token': { input: nothing, output: done },
  /** Converted weights on disk. */
  'cache.list': { input: nothing, output: z.array(cacheEntrySchema) },
  /** Deletes a pack's converted weights (one of them when `key` names it), or those of packs not known any more. */
  'cache.remove': {
    input: z.strictObject({ packId: idSchema.nullable(), key: z.string().min(1).max(255).nullable() }),
    output: z.object({ freedBytes: z.number().nonnegative() }),
  },
  'cache.folder': { input: nothing, output: cacheFolderStateSchema },
  /** What was converted stays where it was; null when the person closed the dialog. Refused while a picture is made. */
  'cache.choose-folder': {
    input: z.strictObject({ choice: cacheFolderChoiceSchema }),
    output: cacheFolderStateSchema.nullable(),
  },
  /** What converting ahead of a run will take. */
  'preparation.estimate': { input: preparationInputSchema, output: preparationEstimateSchema },
  /** Answers when it has begun; the event `preparation` tells the rest. Refused where the disk has no room. */
  'preparation.start': { input: preparationInputSchema, output: done },
  /** What is finished stays, also of a file that is not. */
  'preparation.pause': { input: nothing, output: done },
  'preparation.resume': { input: nothing, output: done },
  /** Ends it; files that are finished stay, one that is not is deleted. */
  'preparation.cancel': { input: nothing, output: done },
  'packs.estimate': { input: estimateInputSchema, output: estimateSchema },

  /** Measured once, then kept; seconds for InfuseNet, minutes for FLUX. */
  'packs.weight-errors': { input: weightErrorsInputSchema, output: weightErrorsSchema },

  /** Measurements of outputs that can decide a mix; empty where there is none. */
  'packs.output-measurements': { input: outputMeasurementsInputSchema, output: z.array(outputMeasurementSchema) },

  'loras.list': { input: nothing, output: z.array(loraSchema) },
  /** Checks a file against the pack's FLUX and remembers it; null when the person closed the dialog. */
  'loras.add': { input: z.strictObject({ source: loraSourceSchema, packId: idSchema }), output: loraSchema.nullable() },
  /** Begins to take a file over into the data folder, for pages that cannot tell its path. */
  'loras.begin-upload': { input: loraUploadSchema, output: loraUploadStateSchema },
  'loras.upload': { input: loraPieceSchema, output: loraUploadStateSchema },
  'loras.finish-upload': { input: z.strictObject({ uploadId: idSchema }), output: loraSchema },
  'loras.cancel-upload': { input: z.strictObject({ uploadId: idSchema }), output: done },
  /** Forgets a file, which stays where it is; the app's own copy of an uploaded one is deleted. */
  'loras.remove': { input: z.strictObject({ loraId: idSchema }), output: done },

  'samples.list': { input: nothing, output: samplesSchema },

  'photos.list': { input: z.strictObject({ role: photoRoleSchema }), output: z.array(photoSchema) },
  /** The same bytes twice give the same photo. */
  'photos.import': {
    input: z.strictObject({
      role: photoRoleSchema,
      name: z.string().trim().min(1).max(120),
      dataBase64: uploadSchema,
    }),
    output: photoSchema,
  },
  'photos.use-sample': { input: z.strictObject({ sampleId: idSchema }), output: photoSchema },
  'photos.rename': {
    input: z.strictObject({ photoId: idSchema, name: z.string().trim().min(1).max(120) }),
    output: photoSchema,
  },
  /** Finds faces with the pack's detector; kept, so that asking again is quick. */
  'photos.detect': {
    input: z.strictObject({ photoId: idSchema, packId: idSchema }),
    output: detectedFacesSchema,
  },
  /** Removes photo, thumbnail and detections, and the embeddings of faces in its pictures; runs made with it stay, without it. */
  'photos.delete': { input: byPhoto, output: z.object({ runCount: z.number().int() }) },

  /** Puts the cells at the queue's end and answers at once. */
  'comparisons.create': { input: comparisonDraftSchema, output: startedSchema },
  'comparisons.get': { input: byComparison, output: comparisonSchema },
  'comparisons.rename': {
    input: z.strictObject({ comparisonId: idSchema, title: z.string().trim().min(1).max(120) }),
    output: done,
  },
  'comparisons.set-reference': { input: z.strictObject({ comparisonId: idSchema, runId: idSchema }), output: done },
  /** Cancels every cell that is not done. Idempotent. */
  'comparisons.cancel': { input: byComparison, output: done },
  /** Queues again what was cancelled, failed or interrupted. */
  'comparisons.resume': { input: byComparison, output: startedSchema },
  /** Makes the whole comparison again, as a new one. */
  'comparisons.repeat': { input: byComparison, output: startedSchema },

  /**
   * Makes the pictures of a run's variant (its seeds, prompts and repeats) once more in other formats, as one more variant
   * of the comparison. Refused where it has it already.
   */
  'comparisons.add-variant': {
    input: z.strictObject({ comparisonId: idSchema, runId: idSchema, formats: formatChoiceSchema }),
    output: startedSchema,
  },

  'queue.get': { input: nothing, output: queueStateSchema },
  /** The cell in flight ends; no other starts. */
  'queue.pause': { input: nothing, output: done },
  'queue.resume': { input: nothing, output: done },
  /** Puts the named comparisons in this order, before all others. */
  'queue.reorder': { input: z.strictObject({ comparisonIds: z.array(idSchema).min(1).max(MAX_CELLS) }), output: done },
  /** Takes a comparison with nothing left to do off the list. */
  'queue.dismiss': { input: byComparison, output: done },

  'runs.get': { input: byRun, output: runDetailSchema },
  'runs.get-many': {
    input: z.strictObject({ runIds: z.array(idSchema).min(1).max(MAX_PANES) }),
    output: z.array(runDetailSchema),
  },
  /** Idempotent: a run that is neither queued nor running stays as it is. */
  'runs.cancel': { input: byRun, output: done },
  /** What a run that failed for want of memory can be made with instead. */
  'runs.smaller': { input: byRun, output: smallerChoicesSchema },
  /** Adds its variant to the comparison once more, with the change: every picture of it that ran out of memory. */
  'runs.make-smaller': { input: byRun.extend({ change: smallerChangeSchema }), output: startedSchema },
  /** Makes the same picture again, as a comparison of one. */
  'runs.repeat': { input: byRun, output: startedSchema },
  /** "Use these settings": a form filled from the run, and what could not be filled, in sentences. */
  'runs.draft': {
    input: byRun,
    output: z.object({ draft: comparisonDraftSchema, missing: z.array(missingPartSchema) }),
  },
  /** Faces in the finished picture, for zoom to face. */
  'runs.faces': { input: byRun, output: detectedFacesSchema },
  /** Null where nothing was measured before and nothing was to be. Waits for the picture that is being made. */
  'runs.output-errors': { input: outputErrorsInputSchema, output: weightErrorsSchema.nullable() },

  /** What a mix within a budget would be: the format of each layer. Measures nothing of the outputs. */
  'runs.mix': { input: mixInputSchema, output: formatMixSchema },

  'gallery.list': { input: galleryInputSchema, output: galleryWindowSchema },
  'gallery.rate': { input: selectionSchema.extend({ stars: starsSchema }), output: undoableSchema },
  'gallery.tag': {
    input: selectionSchema.extend({
      add: z.array(tagSchema).max(20),
      remove: z.array(tagSchema).max(20),
    }),
    output: undoableSchema,
  },
  'gallery.tags': {
    input: nothing,
    output: z.array(z.object({ tag: z.string(), count: z.number().int() })),
  },
  'gallery.trash': { input: selectionSchema, output: undoableSchema },
  'gallery.restore': { input: selectionSchema, output: undoableSchema },
  'gallery.undo': { input: z.strictObject({ undoId: idSchema }), output: z.object({ changed: z.number().int() }) },
  /** Deletes trashed runs and their pictures for good; all of them when `runIds` is null. */
  'gallery.empty-trash': {
    input: z.strictObject({ runIds: z.array(idSchema).min(1).max(MAX_SELECTION).nullable() }),
    output: z.object({ deleted: z.number().int() }),
  },
  /** Runs that differ in exactly one setting; in `field` only when it is given. */
  'gallery.identical-except': {
    input: z.strictObject({ runId: idSchema, field: settingFieldSchema.nullable() }),
    output: identicalExceptSchema,
  },

  /** Pixel differences, memory, time and identity of runs against one of them, and of their variants. */
  'compare.table': { input: compareInputSchema, output: compareTableSchema },
  /** The same as a file to save. */
  'compare.report': { input: reportInputSchema, output: reportSchema },

  /** Plans a test in a hidden order. Refused where every pair is identical to the pixel. */
  'blind.start': { input: blindStartSchema, output: blindTestSchema },
  'blind.get': { input: byTest, output: blindTestSchema },
  /** Tests of any of these pictures, newest first. */
  'blind.list': {
    input: z.strictObject({ runIds: z.array(idSchema).min(1).max(MAX_CELLS) }),
    output: z.array(blindTestSchema),
  },
  /** Answers trial `trial` (0-based), which must be the one at hand: a key pressed twice answers once. */
  'blind.answer': {
    input: byTest.extend({ trial: z.number().int().min(0).max(MAX_TRIALS), answer: blindAnswerSchema }),
    output: blindTestSchema,
  },
  /** Takes the last answer back; refused once the outcome was shown. */
  'blind.undo': { input: byTest, output: blindTestSchema },
  'blind.delete': { input: byTest, output: done },

  /** Reads settings out of a PNG without keeping it. */
  'metadata.read': { input: z.strictObject({ dataBase64: uploadSchema }), output: pictureMetadataSchema },

  'settings.get': { input: nothing, output: appSettingsSchema },
  /** Changes the given fields; answers the whole. */
  'settings.set': { input: appSettingsSchema.partial(), output: appSettingsSchema },

  'system.info': { input: nothing, output: systemInfoSchema },
  /** Shows a folder of the app in the file manager. Refused where the host has none. */
  'system.open-folder': { input: z.strictObject({ folder: z.enum(['logs', 'pictures']) }), output: done },
  'system.notices': { input: nothing, output: z.object({ text: z.string() }) },
} as const;

export type Method = keyof typeof API;
export type Input<M extends Method> = z.input<(typeof API)[M]['input']>;
/** What handlers get: the input after parsing. */
export type ParsedInput<M extends Method> = z.output<(typeof API)[M]['input']>;
export type Output<M extends Method> = z.output<(typeof API)[M]['output']>;

export const METHODS = Object.keys(API) as Method[];

export function isMethod(name: string): name is Method {
  return Object.hasOwn(API, name);
}
