/** Detects the faces of a picture, for the person to choose from. */
import { readImage } from '../../image/read-image.js';
import { openPack } from '../../pack/open-pack.js';
import type { DetectFacesRequest, DetectFacesResult } from '../../protocol.js';
import { CPU_PROFILE } from '../../graph/compute-profile.js';
import { FaceAnalyst } from './face-analyst.js';

/** @throws AppError image.unreadable, pack.incomplete; without a face the list is empty */
export async function detectFacesInFile(request: DetectFacesRequest): Promise<DetectFacesResult> {
  const pack = await openPack(request.packPath);
  const image = await readImage(request.imagePath);
  const analyst = new FaceAnalyst(pack, {
    provider: 'cpu',
    profile: CPU_PROFILE,
    cacheDir: request.cachePath,
    exact: false,
  });
  try {
    const { faces, detector } = await analyst.find(image);
    return { kind: 'detect-faces', imageWidth: image.width, imageHeight: image.height, faces, detector };
  } finally {
    await analyst.release();
  }
}
