/** The request table: input and output schema of each method. Handlers, preload and client derive from it. */
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
import { cudaFolderSchema, cudaPlanSchema, cudaSourceSchema } from './cuda.js';
import { folderChoiceSchema } from './folder-choice.js';
import { formatChoiceSchema } from './formats.js';
import { comparisonDraftSchema, missingPartSchema, settingFieldSchema } from './generation-settings.js';
import { idSchema } from './ids.js';
import {
  cacheEntrySchema,
  cacheFolderStateSchema,
  importCheckSchema,
  libraryNameSchema,
  libraryStateSchema,
} from './library.js';
import {
  addedLoraSchema,
  loraPieceSchema,
  loraSchema,
  loraSourceSchema,
  loraUploadSchema,
  loraUploadStateSchema,
} from './lora.js';
import { filesChoiceSchema, filesSourceSchema, suggestedPlaceSchema } from './own-files.js';
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
  /** Forgets a pack's folder, or deletes a pack that only names files; the files stay. The bundled one cannot be removed. */
  'packs.remove': { input: byPack, output: done },
  /** Programs with models in the usual places of this computer. */
  'files.places': { input: nothing, output: z.array(suggestedPlaceSchema) },
  /**
   * Begins a search for a pack's parts and answers at once; progress and result are the event `files`. Null when the person
   * closed the dialog. Ends a search that still runs.
   */
  'files.search': {
    input: z.strictObject({
      source: filesSourceSchema,
      /** Whether the places of the current search stay. */
      add: z.boolean(),
    }),
    output: z.object({ searchId: idSchema.nullable() }),
  },
  /** Uses other files where several were found. */
  'files.choose': { input: z.strictObject({ searchId: idSchema, choice: filesChoiceSchema }), output: done },
  /** Makes a pack that names the used files where they lie; nothing is copied. */
  'files.use': {
    input: z.strictObject({ searchId: idSchema, name: z.string().trim().min(1).max(60) }),
    output: packSummarySchema,
  },
  /** Downloads the missing parts; progress is the event `download`. Then the search is repeated. */
  'files.download': {
    input: z.strictObject({
      searchId: idSchema,
      /** Ids of the licences that the person has read and accepted. */
      acceptedLicences: z.array(libraryNameSchema).max(64),
    }),
    output: done,
  },
  /** Ends a running search and forgets its result. Idempotent. */
  'files.close': { input: nothing, output: done },
  /** Packs to download, and the source of the token. */
  'library.get': { input: nothing, output: libraryStateSchema },
  /** Checks an installed pack's files by their headers. */
  'library.check': { input: z.strictObject({ libraryId: libraryNameSchema }), output: importCheckSchema },
  /** Answers at once; progress is the event `download`. */
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
  /** Ends the download and deletes its files; a finished one is only removed from the screen. */
  'library.cancel': { input: nothing, output: done },
  /** Deletes the pack's folder; linked files stay. */
  'library.remove': { input: z.strictObject({ libraryId: libraryNameSchema }), output: done },
  'library.save-token': { input: z.strictObject({ token: z.string().trim().min(1).max(512) }), output: done },
  'library.forget-token': { input: nothing, output: done },
  /** Converted weights on disk. */
  'cache.list': { input: nothing, output: z.array(cacheEntrySchema) },
  /** Deletes a pack's converted weights (one of them when `key` names it), or those of unknown packs. */
  'cache.remove': {
    input: z.strictObject({ packId: idSchema.nullable(), key: z.string().min(1).max(255).nullable() }),
    output: z.object({ freedBytes: z.number().nonnegative() }),
  },
  'cache.folder': { input: nothing, output: cacheFolderStateSchema },
  /** Moves converted weights of earlier folders into the chosen one; progress is the event `cacheMove`. */
  'cache.move': { input: nothing, output: done },
  'cache.pause-move': { input: nothing, output: done },
  /** Leaves them where they are. */
  'cache.leave': { input: nothing, output: done },
  /** Existing files stay where they are; null when the person closed the dialog. Refused while a picture is made. */
  'cache.choose-folder': {
    input: z.strictObject({ choice: folderChoiceSchema }),
    output: cacheFolderStateSchema.nullable(),
  },
  /** Bytes and seconds of converting ahead of a run. */
  'preparation.estimate': { input: preparationInputSchema, output: preparationEstimateSchema },
  /** Answers when it has begun; progress is the event `preparation`. Refused where the disk is too full. */
  'preparation.start': { input: preparationInputSchema, output: done },
  /** Finished files stay, and the finished part of the current one. */
  'preparation.pause': { input: nothing, output: done },
  'preparation.resume': { input: nothing, output: done },
  /** Finished files stay; an unfinished one is deleted. */
  'preparation.cancel': { input: nothing, output: done },
  'packs.estimate': { input: estimateInputSchema, output: estimateSchema },

  /** Measured once, then kept; seconds for InfuseNet, minutes for FLUX. */
  'packs.weight-errors': { input: weightErrorsInputSchema, output: weightErrorsSchema },

  /** Output measurements by which a mix can be chosen. */
  'packs.output-measurements': { input: outputMeasurementsInputSchema, output: z.array(outputMeasurementSchema) },

  'loras.list': { input: nothing, output: z.array(loraSchema) },
  /** Checks a file against the pack's FLUX and remembers it; null when the person closed the dialog. */
  'loras.add': {
    input: z.strictObject({ source: loraSourceSchema, packId: idSchema }),
    output: addedLoraSchema.nullable(),
  },
  /** Begins to copy a file into the data folder, for pages that do not know its path. */
  'loras.begin-upload': { input: loraUploadSchema, output: loraUploadStateSchema },
  'loras.upload': { input: loraPieceSchema, output: loraUploadStateSchema },
  'loras.finish-upload': { input: z.strictObject({ uploadId: idSchema }), output: addedLoraSchema },
  'loras.cancel-upload': { input: z.strictObject({ uploadId: idSchema }), output: done },
  /** Forgets a file, which stays on the disk; the app's copy of an uploaded one is deleted. */
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
  /** Finds faces with the pack's detector; the result is kept. */
  'photos.detect': {
    input: z.strictObject({ photoId: idSchema, packId: idSchema }),
    output: detectedFacesSchema,
  },
  /** Removes photo, thumbnail and detections, and the embeddings of faces in its pictures; its runs stay. */
  'photos.delete': { input: byPhoto, output: z.object({ runCount: z.number().int() }) },

  /** Appends the cells to the queue and answers at once. */
  'comparisons.create': { input: comparisonDraftSchema, output: startedSchema },
  'comparisons.get': { input: byComparison, output: comparisonSchema },
  'comparisons.rename': {
    input: z.strictObject({ comparisonId: idSchema, title: z.string().trim().min(1).max(120) }),
    output: done,
  },
  'comparisons.set-reference': { input: z.strictObject({ comparisonId: idSchema, runId: idSchema }), output: done },
  /** Cancels every cell that is not done. Idempotent. */
  'comparisons.cancel': { input: byComparison, output: done },
  /** Queues cancelled, failed and interrupted cells again. */
  'comparisons.resume': { input: byComparison, output: startedSchema },
  /** Makes the whole comparison again, as a new one. */
  'comparisons.repeat': { input: byComparison, output: startedSchema },

  /** Adds a variant: the pictures of a run's variant in other formats. Refused where the comparison has it. */
  'comparisons.add-variant': {
    input: z.strictObject({ comparisonId: idSchema, runId: idSchema, formats: formatChoiceSchema }),
    output: startedSchema,
  },

  'queue.get': { input: nothing, output: queueStateSchema },
  /** The running cell is finished; no other starts. */
  'queue.pause': { input: nothing, output: done },
  'queue.resume': { input: nothing, output: done },
  /** Puts these comparisons in this order, before all others. */
  'queue.reorder': { input: z.strictObject({ comparisonIds: z.array(idSchema).min(1).max(MAX_CELLS) }), output: done },
  /** Removes a comparison with nothing left to do from the list. */
  'queue.dismiss': { input: byComparison, output: done },

  'runs.get': { input: byRun, output: runDetailSchema },
  'runs.get-many': {
    input: z.strictObject({ runIds: z.array(idSchema).min(1).max(MAX_PANES) }),
    output: z.array(runDetailSchema),
  },
  /** Idempotent: a run that is neither queued nor running stays as it is. */
  'runs.cancel': { input: byRun, output: done },
  /** Smaller choices for a run that ran out of memory. */
  'runs.smaller': { input: byRun, output: smallerChoicesSchema },
  /** Adds its variant with the change to the comparison: every picture of it that ran out of memory. */
  'runs.make-smaller': { input: byRun.extend({ change: smallerChangeSchema }), output: startedSchema },
  /** Makes the same picture again, as a comparison of one. */
  'runs.repeat': { input: byRun, output: startedSchema },
  /** "Use these settings": a form filled from the run, and its missing parts. */
  'runs.draft': {
    input: byRun,
    output: z.object({ draft: comparisonDraftSchema, missing: z.array(missingPartSchema) }),
  },
  /** Faces in the finished picture, for zoom to face. */
  'runs.faces': { input: byRun, output: detectedFacesSchema },
  /** Null where nothing is kept and nothing was to be measured. Waits for the running picture. */
  'runs.output-errors': { input: outputErrorsInputSchema, output: weightErrorsSchema.nullable() },

  /** The format of each layer in a mix within a budget. Does not measure outputs. */
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
  /** Permanently deletes trashed runs and their pictures; all of them when `runIds` is null. */
  'gallery.empty-trash': {
    input: z.strictObject({ runIds: z.array(idSchema).min(1).max(MAX_SELECTION).nullable() }),
    output: z.object({ deleted: z.number().int() }),
  },
  /** Runs that differ in exactly one setting, or only those that differ in `field`. */
  'gallery.identical-except': {
    input: z.strictObject({ runId: idSchema, field: settingFieldSchema.nullable() }),
    output: identicalExceptSchema,
  },

  /** Pixel differences, memory, time and identity of runs against one of them, and of their variants. */
  'compare.table': { input: compareInputSchema, output: compareTableSchema },
  /** The table as a file to save. */
  'compare.report': { input: reportInputSchema, output: reportSchema },

  /** Plans a test in a hidden order. Refused where every pair is identical. */
  'blind.start': { input: blindStartSchema, output: blindTestSchema },
  'blind.get': { input: byTest, output: blindTestSchema },
  /** Tests of any of these pictures, newest first. */
  'blind.list': {
    input: z.strictObject({ runIds: z.array(idSchema).min(1).max(MAX_CELLS) }),
    output: z.array(blindTestSchema),
  },
  /** Answers trial `trial` (0-based), which must be the current one, so that a key pressed twice answers once. */
  'blind.answer': {
    input: byTest.extend({ trial: z.number().int().min(0).max(MAX_TRIALS), answer: blindAnswerSchema }),
    output: blindTestSchema,
  },
  /** Undoes the last answer; refused after the outcome was shown. */
  'blind.undo': { input: byTest, output: blindTestSchema },
  'blind.delete': { input: byTest, output: done },

  /** Reads settings from a PNG, which is not kept. */
  'metadata.read': { input: z.strictObject({ dataBase64: uploadSchema }), output: pictureMetadataSchema },

  'settings.get': { input: nothing, output: appSettingsSchema },
  /** Changes the given fields; answers all settings. */
  'settings.set': { input: appSettingsSchema.partial(), output: appSettingsSchema },

  /** What a set-up of CUDA's libraries would fetch and write. Refused where there is no CUDA. */
  'cuda.plan': { input: nothing, output: cudaPlanSchema },
  /** Answers when it has begun, false when the person closed the dialog; progress is the event `cuda`. */
  'cuda.set-up': { input: z.strictObject({ source: cudaSourceSchema }), output: z.object({ started: z.boolean() }) },
  /** Finished packages stay. */
  'cuda.pause': { input: nothing, output: done },
  'cuda.resume': { input: nothing, output: done },
  /** Ends a set-up and deletes the libraries in the app's folder. Refused while a picture is made. */
  'cuda.remove': { input: nothing, output: done },
  /** Takes a finished set-up off the screen. */
  'cuda.close': { input: nothing, output: done },
  'cuda.folder': { input: nothing, output: cudaFolderSchema },
  /**
   * A folder that is looked in first; null when the person closed the dialog. Refused for one without CUDA's libraries and
   * while a picture is made. `system.info` says afterwards what was found.
   */
  'cuda.choose-folder': {
    input: z.strictObject({ choice: folderChoiceSchema }),
    output: cudaFolderSchema.nullable(),
  },

  'system.info': { input: nothing, output: systemInfoSchema },
  /** As `system.info`, after trying every provider anew. */
  'system.look-again': { input: nothing, output: systemInfoSchema },
  /** Shows a folder in the file manager. Refused where the host has none. */
  'system.open-folder': { input: z.strictObject({ folder: z.enum(['logs', 'pictures']) }), output: done },
  'system.notices': { input: nothing, output: z.object({ text: z.string() }) },
} as const;

export type Method = keyof typeof API;
export type Input<M extends Method> = z.input<(typeof API)[M]['input']>;
/** The input after parsing, for handlers. */
export type ParsedInput<M extends Method> = z.output<(typeof API)[M]['input']>;
export type Output<M extends Method> = z.output<(typeof API)[M]['output']>;

export const METHODS = Object.keys(API) as Method[];

export function isMethod(name: string): name is Method {
  return Object.hasOwn(API, name);
}
