/* Element types of TensorFlow Lite, which LiteRT numbers alike. */
#ifndef EDGETOOL_TFLITE_ELEMENTS_H
#define EDGETOOL_TFLITE_ELEMENTS_H

#include <stddef.h>

#include "tensors.h"

/* Convert a TfLiteType to ONNX's number; 0 for types without an equivalent here. */
static inline int tflite_element(int type) {
  static const int elements[] = {
      0, ELEMENT_FLOAT32, ELEMENT_INT32, ELEMENT_UINT8, ELEMENT_INT64,   0,
      ELEMENT_BOOL, ELEMENT_INT16, 0, ELEMENT_INT8, ELEMENT_FLOAT16, ELEMENT_FLOAT64,
  };
  return type >= 0 && (size_t)type < sizeof elements / sizeof elements[0] ? elements[type] : 0;
}

#endif
