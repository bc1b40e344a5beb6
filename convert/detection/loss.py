"""How wrong the network's answers are: scores, boxes, and whether a face looks at the camera."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from convert.detection.targets import BOX, FACE, FRONTAL, LEVELS, WEIGHT

_BOX_SHARE, _FRONTAL_SHARE = 2.0, 0.2
_TINY = 1e-6


def flat(outputs: list[Any]) -> tuple[Any, Any]:
    """Return the six outputs as scores `(n, cells, 2)` and boxes `(n, cells, 4)`.

    Boxes are centre and size in pixels; levels follow each other as in `targets.targets`.
    """
    scores, boxes = [], []
    for level, score, box in zip(LEVELS, outputs[::2], outputs[1::2], strict=True):
        shape = tf.shape(box)
        y, x = tf.meshgrid(tf.range(shape[1]), tf.range(shape[2]), indexing="ij")
        centres = tf.cast(tf.stack([x, y], -1), tf.float32) + 0.5
        moved = (centres + box[..., :2]) * float(level.stride)
        size = tf.exp(tf.clip_by_value(box[..., 2:], -3.0, 3.0)) * level.base_px
        boxes.append(tf.reshape(tf.concat([moved, size], -1), (shape[0], -1, 4)))
        scores.append(tf.reshape(score, (shape[0], -1, 2)))
    return tf.concat(scores, 1), tf.concat(boxes, 1)


def losses(outputs: list[Any], wanted: Any) -> tuple[Any, Any, Any]:
    """Return the three parts for outputs and targets `(n, cells, COLUMNS)`.

    They are means over faces.
    """
    scores, boxes = flat(outputs)
    face = wanted[..., FACE] * wanted[..., WEIGHT]
    count = tf.maximum(tf.reduce_sum(face), 1.0)
    overlap, distance = _agreement(boxes, wanted[..., BOX])
    box = tf.reduce_sum(face * (1 - overlap + distance)) / count
    # A cell whose box is good is worth more: the best of a face's cells is the one to keep.
    goal = face * (0.5 + 0.5 * tf.stop_gradient(tf.maximum(overlap, 0.0)))
    score = tf.reduce_sum(wanted[..., WEIGHT] * _focal(scores[..., 0], goal)) / count
    known = face * tf.cast(wanted[..., FRONTAL] >= 0, tf.float32)
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(
        labels=tf.maximum(wanted[..., FRONTAL], 0.0), logits=scores[..., 1]
    )
    frontal = tf.reduce_sum(known * entropy) / tf.maximum(tf.reduce_sum(known), 1.0)
    return score, _BOX_SHARE * box, _FRONTAL_SHARE * frontal


def _focal(logits: Any, goal: Any) -> Any:
    """Return the quality focal loss (Li et al. 2020, arXiv 2006.04388), beta 2."""
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels=goal, logits=logits)
    return entropy * tf.square(goal - tf.sigmoid(logits))


def _agreement(boxes: Any, wanted: Any) -> tuple[Any, Any]:
    """Return IoU, and DIoU's penalty.

    That is the centres' squared distance over the hull's squared diagonal.
    """
    low, high = boxes[..., :2] - boxes[..., 2:] / 2, boxes[..., :2] + boxes[..., 2:] / 2
    wanted_low = wanted[..., :2] - wanted[..., 2:] / 2
    wanted_high = wanted[..., :2] + wanted[..., 2:] / 2
    common = tf.reduce_prod(
        tf.maximum(tf.minimum(high, wanted_high) - tf.maximum(low, wanted_low), 0.0), -1
    )
    areas = tf.reduce_prod(boxes[..., 2:], -1) + tf.reduce_prod(wanted[..., 2:], -1)
    hull = tf.maximum(high, wanted_high) - tf.minimum(low, wanted_low)
    diagonal = tf.reduce_sum(tf.square(hull), -1)
    apart = tf.reduce_sum(tf.square(boxes[..., :2] - wanted[..., :2]), -1)
    return common / (areas - common + _TINY), apart / (diagonal + _TINY)
