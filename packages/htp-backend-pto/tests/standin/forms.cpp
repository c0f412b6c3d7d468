// One use of every instruction that the stand-in has, in the form that pto-isa takes too; only compiled.
#include <cstdint>
#include <pto/pto-inst.hpp>

#include "tensor.h"
using namespace pto;
#include "pipe_sync.h"

constexpr int R = 16, C = 32;
template <typename T> using V = Tile<TileType::Vec, T, R, C, BLayout::RowMajor, R, C>;
template <typename T> using Vd = Tile<TileType::Vec, T, R, C, BLayout::RowMajor, -1, -1>;
template <typename T> using DN = Tile<TileType::Vec, T, R, 1, BLayout::ColMajor, R, 1>;
template <typename T> using R1 = Tile<TileType::Vec, T, 1, C, BLayout::RowMajor, 1, C>;
template <typename T> using RV = Tile<TileType::Vec, T, 1, R, BLayout::RowMajor, 1, R>;
template <typename T> using M = Tile<TileType::Mat, T, R, C, BLayout::ColMajor, R, C, SLayout::RowMajor, 512>;
template <typename T> using G = GlobalTensor<T, Shape<1, 1, 1, R, C>, Stride<1, 1, 1, C, 1>>;
template <typename T> using GC = GlobalTensor<T, Shape<1, 1, 1, R, R>, Stride<1, 1, 1, R, 1>>;
using L0A = TileLeft<half, R, C>;
using L0B = TileRight<half, C, R>;
using L0C = TileAcc<float, R, R>;

static_assert(PadValueCustom(-1.0f) == static_cast<PadValue>(0x1BF800000ULL), "the bits of the number");
static_assert(PadValueCustom(int16_t(-1)) == static_cast<PadValue>(0x10000FFFFULL), "in the type's own width");

// clang-format off
void tassign_0() { V<float> d; TASSIGN(d,0); TASSIGN<0x40>(d); }
void tsync_1() { TSYNC<Op::TADD>(); }
void syncall_2() { SYNCALL(); }
void tprint_3() { V<float> d; TPRINT(d); }
void tadd_4() { V<float> d,a,b; TADD(d,a,b); }
void tpairreducesum_5() { Tile<TileType::Vec,float,R,C,BLayout::RowMajor,R,C/2> d; V<float> a; TPAIRREDUCESUM(d,a); }
void tsubreluconv_6() { V<half> d; V<float> a,b; TSUBRELUCONV(d,a,b); }
void taddreluconv_7() { V<half> d; V<float> a,b; TADDRELUCONV(d,a,b); }
void tabs_8() { V<float> d,a; TABS(d,a); }
void tand_9() { V<int32_t> d,a,b; TAND(d,a,b); }
void tor_10() { V<int32_t> d,a,b; TOR(d,a,b); }
void tsub_11() { V<float> d,a,b; TSUB(d,a,b); }
void tsubview_12() { Tile<TileType::Vec,float,8,C,BLayout::RowMajor,8,C> d; V<float> a; TSUBVIEW(d,a,0,0); }
void tmul_13() { V<float> d,a,b; TMUL(d,a,b); }
void tmin_14() { V<float> d,a,b; TMIN(d,a,b); }
void tmax_15() { V<float> d,a,b; TMAX(d,a,b); }
void texpands_16() { V<float> d; TEXPANDS(d,1.0f); }
void tload_17() { V<float> d; G<float> g((float*)nullptr); TLOAD(d,g); }
void tload_18() { M<half> d; G<half> g((half*)nullptr); TLOAD(d,g); }
void tprefetch_19() { V<float> d; G<float> g((float*)nullptr); TPREFETCH(d,g); }
void tcmps_20() { V<uint8_t> d; V<float> a; TCMPS(d,a,0.f,CmpMode::GT); }
void tcmp_21() { V<uint8_t> d; V<float> a,b; TCMP(d,a,b,CmpMode::GT); }
void tconcat_22() { Tile<TileType::Vec,float,R,64,BLayout::RowMajor,R,64> d; V<float> a,b; TCONCAT(d,a,b); }
void tstore_23() { V<float> d; G<float> g((float*)nullptr); TSTORE(g,d); }
void tstore_24() { L0C d; GC<float> g((float*)nullptr); TSTORE(g,d); }
void tstore_25() { V<float> d; G<float> g((float*)nullptr); TSTORE<V<float>,G<float>,AtomicType::AtomicAdd>(g,d); }
void tdiv_26() { V<float> d,a,b; TDIV(d,a,b); }
void tshl_27() { V<int32_t> d,a,b; TSHL(d,a,b); }
void tshr_28() { V<int32_t> d,a,b; TSHR(d,a,b); }
void txor_29() { V<int32_t> d,a,b; V<int32_t> t; TXOR(d,a,b,t); }
void tlog_30() { V<float> d,a; TLOG(d,a); }
void trecip_31() { V<float> d,a; TRECIP(d,a); }
void tprelu_32() { V<float> d,a,b; V<float> t; TPRELU(d,a,b,t); }
void taddc_33() { V<float> d,a,b; V<float> c; TADDC(d,a,b,c); }
void tsubc_34() { V<float> d,a,b; V<float> c; TSUBC(d,a,b,c); }
void tmatmul_35() { L0A a; L0B b; L0C c; TMATMUL(c,a,b); }
void tmatmul_36() { TileLeft<bfloat16_t,R,C> a; TileRight<bfloat16_t,C,R> b; L0C c; TMATMUL(c,a,b); }
void tmatmul_37() { TileLeft<int8_t,R,C> a; TileRight<int8_t,C,R> b; TileAcc<int32_t,R,R> c; TMATMUL(c,a,b); }
void tmatmul_38() { TileLeft<float,R,C> a; TileRight<float,C,R> b; L0C c; TMATMUL(c,a,b); }
void tmatmul_acc_39() { L0A a; L0B b; L0C c; TMATMUL_ACC(c,c,a,b); }
void tmatmul_bias_40() { L0A a; L0B b; L0C c; Tile<TileType::Bias,float,1,R,BLayout::RowMajor,1,R> s; TMATMUL_BIAS(c,a,b,s); }
void tgemv_41() { L0A a; L0B b; L0C c; TGEMV(c,a,b); }
void tgemv_acc_42() { L0A a; L0B b; L0C c; TGEMV_ACC(c,c,a,b); }
void tgemv_bias_43() { L0A a; L0B b; L0C c; Tile<TileType::Bias,float,1,R,BLayout::RowMajor,1,R> s; TGEMV_BIAS(c,a,b,s); }
void tmrgsort_44() { Tile<TileType::Vec,float,1,256> d,a; TMRGSORT(d,a,64u); }
void tmrgsort_45() { using T=Tile<TileType::Vec,float,1,64>; Tile<TileType::Vec,float,1,256> d,t; T a,b,c,e; MrgSortExecutedNumList l; TMRGSORT<decltype(d),decltype(t),T,T,T,T,false>(d,l,t,a,b,c,e); }
void textract_46() { L0A d; Tile<TileType::Mat,half,R,64,BLayout::ColMajor,R,64,SLayout::RowMajor,512> a; TEXTRACT(d,a,0,32); }
void textract_47() { Tile<TileType::Vec,float,8,8,BLayout::RowMajor,8,8> d; V<float> a; TEXTRACT(d,a,0,8); }
void tinsert_48() { Tile<TileType::Mat,half,R,64,BLayout::ColMajor,R,64,SLayout::RowMajor,512> d; TileAcc<float,R,32> a; TINSERT(d,a,0,32); }
void tinsert_49() { V<float> d; Tile<TileType::Vec,float,8,8,BLayout::RowMajor,8,8> a; TINSERT(d,a,0,8); }
void tfillpad_50() { Tile<TileType::Vec,float,R,C,BLayout::RowMajor,R,C,SLayout::NoneBox,512,PadValue::Min> d; Vd<float> a(10,10); TFILLPAD(d,a); }
void tfillpad_inplace_51() { Tile<TileType::Vec,float,R,C,BLayout::RowMajor,R,C,SLayout::NoneBox,512,PadValue::Min> d; Vd<float> a(10,10); TFILLPAD_INPLACE(d,a); }
void tfillpad_expand_52() { Tile<TileType::Vec,float,32,64,BLayout::RowMajor,32,64,SLayout::NoneBox,512,PadValue::Min> d; Vd<float> a(10,10); TFILLPAD_EXPAND(d,a); }
void tsort32_53() { Tile<TileType::Vec,float,1,64> d; R1<float> a; R1<uint32_t> i; TSORT32(d,a,i); }
void tgather_54() { V<float> d,a; V<int32_t> i; V<int32_t> t; TGATHER(d,a,i,t); }
void tgather_55() { Tile<TileType::Vec,float,R,C/2,BLayout::RowMajor,R,C/2> d; V<float> a; TGATHER<decltype(d),V<float>,MaskPattern::P0101>(d,a); }
void tci_56() { R1<int32_t> d; TCI<R1<int32_t>,int32_t,0>(d,0); }
void ttri_57() { V<float> d; TTRI<V<float>,1>(d,0); }
void tpartadd_58() { V<float> d,a,b; TPARTADD(d,a,b); }
void tpartmul_59() { V<float> d,a,b; TPARTMUL(d,a,b); }
void tpartmax_60() { V<float> d,a,b; TPARTMAX(d,a,b); }
void tpartmin_61() { V<float> d,a,b; TPARTMIN(d,a,b); }
void tpartargmax_62() { V<float> d,a,b; V<uint32_t> x,y,z; TPARTARGMAX(d,a,b,x,y,z); }
void tpartargmin_63() { V<float> d,a,b; V<uint32_t> x,y,z; TPARTARGMIN(d,a,b,x,y,z); }
void tfusedmuladd_64() { V<float> d,a,b; TFUSEDMULADD(d,a,b); }
void tmuladddst_65() { V<float> d,a,b; TMULADDDST(d,a,b); }
void tsubrelu_66() { V<float> d,a,b; TSUBRELU(d,a,b); }
void tfusedmuladdrelu_67() { V<float> d,a,b; TFUSEDMULADDRELU(d,a,b); }
void tcvt_68() { V<half> d; V<float> a; TCVT(d,a,RoundMode::CAST_ROUND); }
void tmov_69() { V<float> d,a; TMOV(d,a); }
void tmov_70() { L0A d; M<half> a; TMOV(d,a); }
void tmov_71() { Tile<TileType::Vec,float,R,R,BLayout::RowMajor,R,R> d; L0C a; TMOV(d,a); }
void trowsum_72() { DN<float> d; V<float> a,t; TROWSUM(d,a,t); }
void trowprod_73() { DN<float> d; V<float> a,t; TROWPROD(d,a,t); }
void tcolsum_74() { R1<float> d; V<float> a; TCOLSUM(d,a); }
void tcolprod_75() { R1<float> d; V<float> a; TCOLPROD(d,a); }
void tcolmax_76() { R1<float> d; V<float> a; TCOLMAX(d,a); }
void tcolargmax_77() { R1<int32_t> d; V<float> a,t; TCOLARGMAX(d,a,t); }
void tcolargmin_78() { R1<int32_t> d; V<float> a,t; TCOLARGMIN(d,a,t); }
void trowmax_79() { DN<float> d; V<float> a,t; TROWMAX(d,a,t); }
void trowargmax_80() { DN<int32_t> d; V<float> a,t; TROWARGMAX(d,a,t); }
void treshape_81() { DN<float> d; RV<float> a; TRESHAPE(d,a); }
void trowmin_82() { DN<float> d; V<float> a,t; TROWMIN(d,a,t); }
void trowargmin_83() { DN<int32_t> d; V<float> a,t; TROWARGMIN(d,a,t); }
void tsels_84() { V<float> d,a; V<uint8_t> m,t; TSELS(d,m,a,t,0.f); }
void tsel_85() { V<float> d,a,b; V<uint8_t> m; V<uint8_t> t; TSEL(d,m,a,b,t); }
void ttrans_86() { Tile<TileType::Vec,float,C,R,BLayout::RowMajor,C,R> d; V<float> a; V<float> t; TTRANS(d,a,t); }
void tmins_87() { V<float> d,a; TMINS(d,a,2.0f); }
void trowexpand_88() { V<float> d; DN<float> a; TROWEXPAND(d,a); }
void trowexpanddiv_89() { V<float> d,a; DN<float> b; TROWEXPANDDIV(d,a,b); }
void trowexpandmul_90() { V<float> d,a; DN<float> b; TROWEXPANDMUL(d,a,b); }
void trowexpandsub_91() { V<float> d,a; DN<float> b; TROWEXPANDSUB(d,a,b); }
void trowexpandadd_92() { V<float> d,a; DN<float> b; TROWEXPANDADD(d,a,b); }
void trowexpandmax_93() { V<float> d,a; DN<float> b; TROWEXPANDMAX(d,a,b); }
void trowexpandmin_94() { V<float> d,a; DN<float> b; TROWEXPANDMIN(d,a,b); }
void trowexpandexpdif_95() { V<float> d,a; DN<float> b; TROWEXPANDEXPDIF(d,a,b); }
void trsqrt_96() { V<float> d,a; TRSQRT(d,a); }
void tsqrt_97() { V<float> d,a; TSQRT(d,a); }
void texp_98() { V<float> d,a; TEXP(d,a); }
void tpow_99() { V<float> d,a,b; V<float> t; TPOW(d,a,b,t); }
void tpows_100() { V<float> d,a,t; TPOWS(d,a,2.0f,t); }
void tnot_101() { V<int16_t> d,a; TNOT(d,a); }
void trelu_102() { V<float> d,a; TRELU(d,a); }
void tgatherb_103() { V<float> d,a; V<uint32_t> i; TGATHERB(d,a,i); }
void tadds_104() { V<float> d,a; TADDS(d,a,2.0f); }
void taxpy_105() { V<float> d,a; TAXPY(d,a,2.0f); }
void tsubs_106() { V<float> d,a; TSUBS(d,a,2.0f); }
void tdivs_107() { V<float> d,a; TDIVS(d,a,2.0f); }
void tmuls_108() { V<float> d,a; TMULS(d,a,2.0f); }
void tfmods_109() { V<float> d,a; TFMODS(d,a,2.0f); }
void trems_110() { V<float> d,a,t; TREMS(d,a,2.0f,t); }
void tmaxs_111() { V<float> d,a; TMAXS(d,a,2.0f); }
void tands_112() { V<int32_t> d,a; TANDS(d,a,2); }
void tors_113() { V<int32_t> d,a; TORS(d,a,2); }
void tshls_114() { V<int32_t> d,a; TSHLS(d,a,2); }
void tshrs_115() { V<int32_t> d,a; TSHRS(d,a,2); }
void txors_116() { V<int32_t> d,a,t; TXORS(d,a,2,t); }
void tlrelu_117() { V<float> d,a; TLRELU(d,a,2.0f); }
void taddsc_118() { V<float> d,a,b; TADDSC(d,a,2.0f,b); }
void tsubsc_119() { V<float> d,a,b; TSUBSC(d,a,2.0f,b); }
void tcolmin_120() { R1<float> d; V<float> a; TCOLMIN(d,a); }
void tscatter_121() { V<float> d,a; V<int32_t> i; TSCATTER(d,a,i); }
void tcolexpand_122() { V<float> d; R1<float> a; TCOLEXPAND(d,a); }
void mgather_123() { V<float> d; G<float> g((float*)nullptr); V<int32_t> i; MGATHER(d,g,i); }
void mscatter_124() { V<float> d; G<float> g((float*)nullptr); V<int32_t> i; MSCATTER(g,d,i); }
void tneg_125() { V<float> d,a; TNEG(d,a); }
void tcolexpanddiv_126() { V<float> d,a; R1<float> b; TCOLEXPANDDIV(d,a,b); }
void tcolexpandmul_127() { V<float> d,a; R1<float> b; TCOLEXPANDMUL(d,a,b); }
void tcolexpandadd_128() { V<float> d,a; R1<float> b; TCOLEXPANDADD(d,a,b); }
void tcolexpandmax_129() { V<float> d,a; R1<float> b; TCOLEXPANDMAX(d,a,b); }
void tcolexpandmin_130() { V<float> d,a; R1<float> b; TCOLEXPANDMIN(d,a,b); }
void tcolexpandsub_131() { V<float> d,a; R1<float> b; TCOLEXPANDSUB(d,a,b); }
void tcolexpandexpdif_132() { V<float> d,a; R1<float> b; TCOLEXPANDEXPDIF(d,a,b); }
void tdequant_133() { V<float> d; V<int16_t> a; DN<float> s,o; TDEQUANT(d,a,s,o); }
void tadddeqrelu_134() { V<half> d; V<int32_t> a,b; V<float> t; TADDDEQRELU(d,a,b,1.0f,t); }
void trem_135() { V<float> d,a,b; V<float> t; TREM(d,a,b,t); }
void tfmod_136() { V<float> d,a,b; TFMOD(d,a,b); }
void tpush_137() { using P=TPipe<0,Direction::DIR_C2V,R*R*4,2,2>; using VT=Tile<TileType::Vec,float,R/2,R,BLayout::RowMajor,R/2,R>; P p((void*)nullptr,0U,0U); L0C c; VT v; TPUSH<P,L0C,TileSplitAxis::TILE_UP_DOWN>(p,c); }
void tpop_138() { using P=TPipe<0,Direction::DIR_C2V,R*R*4,2,2>; using VT=Tile<TileType::Vec,float,R/2,R,BLayout::RowMajor,R/2,R>; P p((void*)nullptr,0U,0U); L0C c; VT v; TPOP<P,VT,TileSplitAxis::TILE_UP_DOWN>(p,v); }
void tfree_139() { using P=TPipe<0,Direction::DIR_C2V,R*R*4,2,2>; using VT=Tile<TileType::Vec,float,R/2,R,BLayout::RowMajor,R/2,R>; P p((void*)nullptr,0U,0U); L0C c; VT v; TFREE<P,TileSplitAxis::TILE_UP_DOWN>(p); }
void thistogram_140() { R1<uint32_t> d; V<uint16_t> a; Tile<TileType::Vec,uint8_t,32,1,BLayout::ColMajor,32,1> i; THISTOGRAM<HistByte::BYTE_1>(d,a,i); }
void tquant_141() { V<int8_t> d; V<float> a; DN<float> s; TQUANT<QuantType::INT8_SYM>(d,a,s); }
void tinterleave_142() { V<float> a,b,c,d; TINTERLEAVE(a,b,c,d); }
void tdeinterleave_143() { V<float> a,b,c,d; TDEINTERLEAVE(a,b,c,d); }
// clang-format on

extern "C" void kernel_entry(int64_t*) { pipe_sync(); }
