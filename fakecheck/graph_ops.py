"""The ops that a graph may hold: generous on arithmetic, tight on everything else.

They hold what frozen SSD, Faster R-CNN and RetinaNet graphs of the Object Detection API (TF1 and
TF2) and of official.vision use, with the arithmetic around it. Left out on purpose: files and
network (ReadFile, WriteFile, PrintV2, which can write to one, Save, Restore, tables and datasets,
send and receive), Python and native code (PyFunc, EagerPyFunc, custom kernels), processes and hosts
(RemoteCall), variables and queues (a frozen graph has none), decoders of file formats (a detector
gets pixels) and random numbers (a detector is a function of its picture).
"""

from __future__ import annotations

_TENSORFLOW = """
    Const Placeholder PlaceholderWithDefault Identity IdentityN NoOp StopGradient PreventGradient
    CheckNumerics EnsureShape Assert

    If StatelessIf While StatelessWhile Case StatelessCase PartitionedCall StatefulPartitionedCall
    Switch Merge Enter Exit NextIteration LoopCond ControlTrigger
    RefSwitch RefMerge RefEnter RefExit RefNextIteration

    TensorArrayV3 TensorArraySizeV3 TensorArrayReadV3 TensorArrayWriteV3 TensorArrayGatherV3
    TensorArrayScatterV3 TensorArrayConcatV3 TensorArraySplitV3 TensorArrayCloseV3
    EmptyTensorList TensorListReserve TensorListFromTensor TensorListStack TensorListLength
    TensorListGetItem TensorListSetItem TensorListPushBack TensorListPopBack TensorListGather
    TensorListScatter TensorListScatterV2 TensorListScatterIntoExistingList TensorListConcat
    TensorListConcatV2 TensorListSplit TensorListElementShape TensorListResize

    Abs Acos Acosh Add AddN AddV2 AccumulateNV2 Asin Asinh Atan Atan2 Atanh BiasAdd BiasAddV1 Ceil
    ClipByValue Cos Cosh Cumprod Cumsum Div DivNoNan Elu Erf Erfc Exp Expm1 Floor FloorDiv FloorMod
    Inv Invert L2Loss LeakyRelu Log Log1p LogSoftmax Maximum Minimum Mod Mul MulNoNan Neg Pow
    RealDiv Reciprocal Relu Relu6 Rint Round Rsqrt Selu Sigmoid Sign Sin Sinh Softmax Softplus
    Softsign Sqrt Square SquaredDifference Sub Tan Tanh TruncateDiv TruncateMod Xdivy Xlogy

    Equal NotEqual Greater GreaterEqual Less LessEqual ApproximateEqual LogicalAnd LogicalNot
    LogicalOr BitwiseAnd BitwiseOr BitwiseXor LeftShift RightShift IsFinite IsInf IsNan
    Select SelectV2

    All Any ArgMax ArgMin Max Mean Min Prod Sum EuclideanNorm Bincount SegmentSum SegmentMax
    SegmentMean UnsortedSegmentSum UnsortedSegmentMax UnsortedSegmentMin

    BatchMatMul BatchMatMulV2 BatchMatMulV3 Einsum MatMul MatrixBandPart MatrixDiag MatrixDiagPart
    MatrixDiagPartV2 MatrixDiagPartV3 MatrixDiagV2 MatrixDiagV3

    AvgPool Conv2D Conv2DBackpropInput Conv3D DepthwiseConv2dNative Dilation2D FusedBatchNorm
    FusedBatchNormV2 FusedBatchNormV3 LRN MaxPool MaxPoolV2 MaxPoolWithArgmax
    FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel
    QuantizeAndDequantizeV2 QuantizeAndDequantizeV3 QuantizeAndDequantizeV4

    BatchToSpaceND BroadcastArgs BroadcastTo Bitcast Cast Concat ConcatOffset ConcatV2 DepthToSpace
    ExpandDims Fill Gather GatherNd GatherV2 InvertPermutation LinSpace ListDiff MirrorPad OneHot
    OnesLike Pack Pad PadV2 ParallelConcat Range Rank Reshape Reverse ReverseSequence ReverseV2 Roll
    ScatterNd Shape ShapeN Size Slice Snapshot SpaceToBatchND SpaceToDepth Split SplitV Squeeze
    StridedSlice TensorScatterAdd TensorScatterMax TensorScatterMin TensorScatterSub
    TensorScatterUpdate Tile Transpose Unique UniqueV2 UniqueWithCounts Unpack Where ZerosLike
    DynamicPartition DynamicStitch ParallelDynamicStitch SparseToDense

    CombinedNonMaxSuppression CropAndResize ExtractImagePatches HSVToRGB NonMaxSuppression
    NonMaxSuppressionV2 NonMaxSuppressionV3 NonMaxSuppressionV4 NonMaxSuppressionV5
    NonMaxSuppressionWithOverlaps RGBToHSV AdjustContrastv2 AdjustHue AdjustSaturation ResizeArea
    ResizeBicubic ResizeBilinear ResizeNearestNeighbor ScaleAndTranslate TopK TopKV2 InTopK InTopKV2
"""
TENSORFLOW_OPS = frozenset(_TENSORFLOW.split())

# The standard domain under its two names: ops of other domains are somebody's native code.
ONNX_DOMAINS = frozenset({"", "ai.onnx"})
_ONNX = """
    Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization
    BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast CastLike Ceil Celu CenterCropPad Clip
    Compress Concat ConcatFromSequence Constant ConstantOfShape Conv ConvInteger ConvTranspose Cos
    Cosh CumSum DepthToSpace DequantizeLinear Div Dropout DynamicQuantizeLinear Einsum Elu Equal Erf
    Exp Expand EyeLike Flatten Floor GRU Gather GatherElements GatherND Gelu Gemm GlobalAveragePool
    GlobalLpPool GlobalMaxPool Greater GreaterOrEqual GridSample GroupNormalization HardSigmoid
    HardSwish Hardmax Identity If InstanceNormalization IsInf IsNaN LRN LayerNormalization LeakyRelu
    Less LessOrEqual Log LogSoftmax Loop LpNormalization LpPool MatMul MatMulInteger Max MaxPool
    MaxRoiPool MaxUnpool Mean MeanVarianceNormalization Min Mish Mod Mul Neg NonMaxSuppression
    NonZero Not OneHot Optional OptionalGetElement OptionalHasElement Or PRelu Pad Pow QLinearConv
    QLinearMatMul QuantizeLinear Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp
    ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize
    ReverseSequence RoiAlign Round Scan Scatter ScatterElements ScatterND Selu SequenceAt
    SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength Shape Shrink Sigmoid
    Sign Sin Sinh Size Slice Softmax Softplus Softsign SpaceToDepth Split SplitToSequence Sqrt
    Squeeze Sub Sum Tan Tanh ThresholdedRelu Tile TopK Transpose Trilu Unique Unsqueeze Upsample
    Where Xor
"""
ONNX_OPS = frozenset(_ONNX.split())
